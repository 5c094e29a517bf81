package pelton.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import pelton.guest.testing.Epochs;
import pelton.guest.testing.Harness;
import pelton.guest.testing.Out;

class KeyedTest {
    static final class Visits {
        private static final int END = 3;

        record Key(String user) {}

        record Click(@Timestamp long at) {}

        record Kept(long clicks) {}

        sealed interface Visit {}

        record Ended(String user, long clicks) implements Visit {}

        record Begun(long row) implements Visit {}

        @Keyed
        static void visits(Key key, List<Click> rows, State<Kept> state, Timers timers, Emitter<Visit> out, Context context) {
            for (Click click : rows) {
                if (click.at() < 0) {
                    out.reject(click, "before time");
                    continue;
                }
                if (state.isEmpty()) out.emit(new Begun(context.of(click).row()), click);
                state.set(new Kept(state.isEmpty() ? 1 : state.get().clicks() + 1));
                timers.set(END, click.at() + 60);
                if (click.at() == 999) timers.clear(END);
            }
            for (Timers.Timer due : timers.due()) {
                out.emit(new Ended(key.user(), state.get().clicks()));
                state.clear();
            }
            if (timers.expiring() && !state.isEmpty()) out.emit(new Ended(key.user(), -state.get().clicks()));
        }
    }

    private static final Visits.Key ANN = new Visits.Key("ann");
    private static final Visits.Key BEN = new Visits.Key("ben");

    @Test
    void stateAndTimersAreKeptFromEpochToEpoch() {
        Epochs epochs = Harness.of(Visits.class).start();
        assertEquals(List.of(new Visits.Begun(0)), epochs.rows(ANN, new Visits.Click(1), new Visits.Click(5)).made());
        assertEquals(List.of(new Visits.Begun(2)), epochs.rows(BEN, new Visits.Click(7)).made());
        assertEquals(new Visits.Kept(2), epochs.state(ANN));
        assertEquals(List.of(new Timers.Timer(3, 65, false)), epochs.timers(ANN));
        assertEquals(List.of(new Visits.Ended("ann", 2)), epochs.watermark(65).made());
        assertNull(epochs.state(ANN));
        assertEquals(List.of(new Visits.Ended("ben", 1)), epochs.watermark(1000).made());
    }

    @Test
    void aTimerThatIsClearedIsNotDue() {
        Epochs epochs = Harness.of(Visits.class).start();
        epochs.rows(ANN, new Visits.Click(1), new Visits.Click(999));
        assertEquals(List.of(), epochs.watermark(5000).made());
        assertEquals(List.of(new Visits.Ended("ann", -2)), epochs.expire(ANN).made());
        assertNull(epochs.state(ANN));
    }

    @Test
    void rowsThatSetATimerAgainComeBeforeIt() {
        Epochs epochs = Harness.of(Visits.class).start();
        epochs.rows(ANN, new Visits.Click(1));
        epochs.rows(BEN, new Visits.Click(1));
        epochs.watermark(60);
        Out out = epochs.rows(ANN, new Visits.Click(-1), new Visits.Click(50));
        assertEquals(List.of(new Out.Rejected(0, "before time")), out.rejected());
        assertEquals(List.of(new Visits.Ended("ben", 1)), epochs.watermark(61).made());
    }

    static final class Plays {
        record Play(String song) {}

        record Place(@Unsigned int times, String song) {}

        record Count(long n) {}

        @Keyed
        static void plays(List<Play> rows, ListState<String> recent, MapState<Place, Long> places, Emitter<Count> out) {
            for (Play play : rows) {
                recent.add(play.song());
                recent.keepLast(3);
                places.put(new Place(play.song().length() - 3, play.song()), (long) recent.size());
            }
            long sum = 0;
            for (Map.Entry<Place, Long> place : places.range(new Place(0, ""), new Place(2, ""))) sum += place.getValue();
            out.emit(new Count(sum));
        }
    }

    @Test
    void listsAndMapsAreKeptInTheEnginesOrder() {
        Epochs epochs = Harness.of(Plays.class).start();
        epochs.rows("k", new Plays.Play("four"), new Plays.Play("a"), new Plays.Play("one"));
        Out out = epochs.rows("k", new Plays.Play("two"), new Plays.Play("five"));
        assertEquals(List.of("one", "two", "five"), epochs.table("recent", "k"));
        List<Plays.Place> order = new ArrayList<>();
        for (Object entry : epochs.table("places", "k")) order.add((Plays.Place) ((Map.Entry<?, ?>) entry).getKey());
        // Minus two is a large number without its sign.
        assertEquals(List.of(0, 0, 1, 1, -2), order.stream().map(Plays.Place::times).toList());
        assertEquals(List.of(new Plays.Count(3 + 3 + 3 + 1)), out.made());
    }

    static final class Debts {
        record Key(long order) {}

        record Item(double price) {}

        record Payment(double euro) {}

        record Debt(double rest) {}

        @Cogroup
        static void debts(List<Item> items, List<Payment> payments, Key key, Emitter<Debt> out) {
            double rest = items.stream().mapToDouble(Item::price).sum() - payments.stream().mapToDouble(Payment::euro).sum();
            if (items.isEmpty()) payments.forEach(payment -> out.reject(payment, "no order " + key.order()));
            else out.emit(new Debt(rest));
        }
    }

    @Test
    void aKeyHasRowsOnBothSides() {
        Harness harness = Harness.of(Debts.class);
        assertEquals(List.of(new Debts.Debt(2.5)), harness.join(new Debts.Key(1), List.of(new Debts.Item(5)), List.of(new Debts.Payment(2.5))).made());
        Out out = harness.join(new Debts.Key(2), List.of(), List.of(new Debts.Payment(1), new Debts.Payment(1)));
        assertEquals(List.of(new Out.Rejected(0, "no order 2"), new Out.Rejected(1, "no order 2")), out.rejected());
    }

    static final class Sums {
        record Row(long n) {}

        record First(long n) {}

        record Second(long n, @Nullable String word) {}

        record Kept(long n, String word) {}

        @Migrate
        static Kept first(First before) {
            return before.n() == 0 ? null : new Kept(before.n(), "first");
        }

        @Migrate(2)
        static Kept second(Second before) {
            if (before.word() == null) throw new Reject("no word");
            return new Kept(before.n(), before.word());
        }

        @Keyed
        static void sums(List<Row> rows, State<Kept> state) {}
    }

    @Test
    void stateOfOlderVersionsIsMigrated() {
        Harness harness = Harness.of(Sums.class);
        assertEquals(new Sums.Kept(5, "first"), harness.migrate(1, new Sums.First(5)));
        assertNull(harness.migrate(1, new Sums.First(0)));
        assertEquals(new Sums.Kept(5, "x"), harness.migrate(2, new Sums.Second(5, "x")));
        assertEquals("no word", assertThrows(Reject.class, () -> harness.migrate(2, new Sums.Second(5, null))).getMessage());
    }

    @Test
    void anOperatorOfAnotherKindIsNamed() {
        assertThrows(IllegalArgumentException.class, () -> Harness.of(Debts.class).start());
        assertThrows(IllegalArgumentException.class, () -> Harness.of(KeyedTest.class).start());
    }
}
