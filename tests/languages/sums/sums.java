import java.util.List;
import pelton.guest.Emitter;
import pelton.guest.Keyed;
import pelton.guest.ListState;
import pelton.guest.Migrate;
import pelton.guest.Reject;
import pelton.guest.State;

/** Sums by key in whole euros and cents beside them: version 2 of what keeps cents in tests/guests/versions. */
final class Sums {
    record Row(long n) {}

    record Before(long cents) {}

    record Sum(long euro, String cents, long rows) {}

    record Made(long n, long cents, long last, long version) {}

    @Migrate
    static Sum migrate(Before before) {
        if (before.cents() == 404404) throw new Reject("nobody pays so much");
        return before.cents() == 0 ? null : split(before.cents(), 0);
    }

    @Keyed
    static void sums(List<Row> rows, State<Sum> state, ListState<Long> last, Emitter<Made> out) {
        for (Row row : rows) {
            Sum before = state.isEmpty() ? new Sum(0, "0", 0) : state.get();
            long cents = before.euro() * 100 + Long.parseLong(before.cents()) + row.n();
            state.set(split(cents, before.rows() + 1));
            last.add(row.n());
            last.keepLast(3);
            long lately = 0;
            for (long n : last) lately += n;
            out.emit(new Made(row.n(), cents, lately, 2), row);
        }
    }

    private static Sum split(long cents, long rows) {
        return new Sum(Math.floorDiv(cents, 100), Long.toString(Math.floorMod(cents, 100)), rows);
    }
}
