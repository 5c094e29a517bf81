import java.util.List;
import pelton.guest.Default;
import pelton.guest.Emitter;
import pelton.guest.Keyed;
import pelton.guest.Nullable;
import pelton.guest.Options;
import pelton.guest.State;
import pelton.guest.Timers;
import pelton.guest.Timestamp;

/** Visits of users: rows made from rows and by timers, rows refused, timers moved and cleared, state with text and nulls. */
final class Visits {
    private static final int END = 7;

    @Options
    record Gap(@Default("30") long gap) {}

    record Key(String user) {}

    record Click(@Timestamp long at, @Nullable String page) {}

    record Kept(long clicks, @Nullable String last) {}

    record Visit(String event, long clicks, @Nullable String page) {}

    @Keyed
    static void visits(Key key, List<Click> rows, State<Kept> state, Timers timers, Emitter<Visit> out, Gap gap) {
        for (Click click : rows) {
            if ("bad".equals(click.page())) {
                out.reject(click, key.user() + " was on a bad page");
                continue;
            }
            if (state.isEmpty()) out.emit(new Visit("begin", 1, click.page()), click);
            long clicks = state.isEmpty() ? 1 : state.get().clicks() + 1;
            state.set(new Kept(clicks, click.page()));
            timers.set(END, click.at() + gap.gap() * 1_000_000);
            if ("exit".equals(click.page())) {
                out.emit(new Visit("exit", clicks, null), click);
                state.clear();
                timers.clear(END);
            }
        }
        for (Timers.Timer due : timers.due()) {
            if (state.isEmpty()) continue;
            out.emit(new Visit("end", state.get().clicks(), state.get().last()));
            state.clear();
        }
    }
}
