import java.util.List;
import pelton.guest.Emitter;
import pelton.guest.Keyed;
import pelton.guest.Options;
import pelton.guest.State;
import pelton.guest.Timers;
import pelton.guest.Timestamp;

/** The bids of each bidder, as long as they are less than {@code gap} seconds apart. */
final class {{pascal}} {
    /** The number of the timer: a bidder has one. */
    private static final int END = 0;

    @Options
    record Limits(int gap) {}

    record Bid(double price, @Timestamp long at) {}

    /** What is kept for each bidder. */
    record Session(long bids, double spent, @Timestamp long ends) {}

    record Ended(long bids, double spent) {}

    @Keyed
    static void process(List<Bid> rows, State<Session> state, Timers timers, Emitter<Ended> out, Limits limits) {
        for (Bid bid : rows) {
            if (bid.price() < 0) {
                out.reject(bid, bid.price() + " is no price");
                continue;
            }
            // The gap may be over, though the timer has not told yet.
            if (!state.isEmpty() && bid.at() >= state.get().ends()) end(state, out);
            Session so = state.isEmpty() ? new Session(0, 0, 0) : state.get();
            long ends = bid.at() + limits.gap() * 1_000_000L;
            state.set(new Session(so.bids() + 1, so.spent() + bid.price(), ends));
            timers.set(END, ends);
        }
        for (Timers.Timer due : timers.due()) end(state, out);
    }

    private static void end(State<Session> state, Emitter<Ended> out) {
        if (!state.isEmpty()) out.emit(new Ended(state.get().bids(), state.get().spent()));
        state.clear();
    }
}
