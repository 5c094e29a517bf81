package pelton.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import pelton.guest.testing.Harness;
import pelton.guest.testing.Out;

class AggregateTest {
    @Aggregate
    static final class Mean {
        record Row(double x, Long weight) {}

        record Kept(double sum, long count) {}

        record Made(double mean) {}

        static Kept zero() {
            return new Kept(0, 0);
        }

        static Kept add(Kept kept, Row row) {
            return new Kept(kept.sum() + row.x(), kept.count() + 1);
        }

        static Kept merge(Kept kept, Kept later) {
            return new Kept(kept.sum() + later.sum(), kept.count() + later.count());
        }

        static Made finish(Kept kept, Window window) {
            if (kept.count() > 3) throw new Reject("too many");
            return kept.count() == 0 || window.pane() != Window.Pane.ON_TIME ? null : new Made(kept.sum() / kept.count());
        }
    }

    @Test
    void rowsAreFolded() {
        assertEquals(List.of(new Mean.Made(2)), Harness.of(Mean.class).fold(new Mean.Row(1, null), new Mean.Row(3, 1L)).made());
        assertEquals(List.of(), Harness.of(Mean.class).fold().made());
    }

    @Test
    void aGroupIsRejected() {
        Mean.Row row = new Mean.Row(1, null);
        assertEquals(List.of(new Out.Rejected(0, "too many")), Harness.of(Mean.class).fold(row, row, row, row).rejected());
    }

    @Aggregate
    static final class Lossy {
        record Row(long n) {}

        record Kept(long n) {}

        static Kept zero() {
            return new Kept(0);
        }

        static Kept add(Kept kept, Row row) {
            return new Kept(kept.n() + 1);
        }

        static Kept merge(Kept kept, Kept later) {
            return kept;
        }

        static Kept finish(Kept kept) {
            return kept;
        }
    }

    @Test
    void aMergeThatLosesIsFound() {
        AssertionError error = assertThrows(AssertionError.class, () -> Harness.of(Lossy.class).fold(new Lossy.Row(1)));
        assertTrue(error.getMessage().contains("depends on the parts"), error.getMessage());
    }

    @Aggregate
    static final class Drift {
        record Row(double x) {}

        record Kept(double sum) {}

        static Kept zero() {
            return new Kept(0);
        }

        static Kept add(Kept kept, Row row) {
            return new Kept(kept.sum() + row.x());
        }

        static Kept retract(Kept kept, Row row) {
            return new Kept(kept.sum() - row.x());
        }

        static Kept merge(Kept kept, Kept later) {
            return new Kept(kept.sum() + later.sum());
        }

        static Kept finish(Kept kept) {
            return kept;
        }
    }

    @Test
    void anInverseThatIsNotExactIsFound() {
        AssertionError error = assertThrows(AssertionError.class, () -> Harness.of(Drift.class).fold(new Drift.Row(0.1), new Drift.Row(1e20)));
        assertTrue(error.getMessage().contains("taken back"), error.getMessage());
        assertEquals(List.of(new Drift.Kept(3)), Harness.of(Drift.class).fold(new Drift.Row(1), new Drift.Row(2)).made());
    }
}
