import java.util.List;
import pelton.guest.Emitter;
import pelton.guest.Keyed;
import pelton.guest.Pass;
import pelton.guest.Port;
import pelton.guest.Rename;
import pelton.guest.State;
import pelton.guest.Timers;
import pelton.guest.Timestamp;

/** Stays of users: rows made from rows by one output, rows made by timers by another, and a third that nothing is computed for. */
final class Stays {
    private static final int END = 1;

    record Key(String user) {}

    record Click(@Timestamp long at, String page) {}

    record Kept(long clicks) {}

    sealed interface Stay {}

    record Ended(long clicks) implements Stay {}

    @Port(passes = {"user", "at"}, rename = @Rename(from = "at", to = "since"))
    record Begun(String page) implements Stay {}

    @Port(passes = Pass.ALL)
    record Again() implements Stay {}

    @Keyed
    static void stays(Key key, List<Click> rows, State<Kept> state, Timers timers, Emitter<Stay> out) {
        for (Click click : rows) {
            if (click.page().equals("bad")) {
                out.reject(click, key.user() + " was on a bad page");
                continue;
            }
            out.emit(state.isEmpty() ? new Begun(click.page()) : new Again(), click);
            state.set(new Kept((state.isEmpty() ? 0 : state.get().clicks()) + 1));
            timers.set(END, click.at() + 60_000_000);
        }
        for (Timers.Timer due : timers.due()) {
            if (!state.isEmpty()) out.emit(new Ended(state.get().clicks()));
            state.clear();
        }
    }
}
