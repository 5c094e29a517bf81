import pelton.guest.Aggregate;
import pelton.guest.Default;
import pelton.guest.Options;

/** What a till took and gave back: rows that leave a window are taken back, one by one, and nothing of them is left. */
@Aggregate
final class Till {
    @Options
    record Scale(@Default("1") long scale) {}

    record Paid(long cents, Long tip) {}

    record Kept(long rows, long took, long gave, long tips) {}

    record Sums(long took, long gave, Double tip) {}

    static Kept zero() {
        return new Kept(0, 0, 0, 0);
    }

    static Kept add(Kept kept, Paid paid, Scale scale) {
        return count(kept, paid, scale.scale());
    }

    static Kept retract(Kept kept, Paid paid, Scale scale) {
        return count(kept, paid, -scale.scale());
    }

    static Kept merge(Kept kept, Kept later) {
        return new Kept(kept.rows() + later.rows(), kept.took() + later.took(), kept.gave() + later.gave(), kept.tips() + later.tips());
    }

    static Sums finish(Kept kept) {
        if (kept.rows() == 0) return null;
        return new Sums(kept.took(), kept.gave(), kept.tips() == 0 ? null : (double) kept.took() / kept.tips());
    }

    private static Kept count(Kept kept, Paid paid, long times) {
        long took = kept.took() + (paid.cents() < 0 ? 0 : paid.cents() * times);
        long gave = kept.gave() + (paid.cents() < 0 ? paid.cents() * times : 0);
        if (paid.tip() == null) return new Kept(kept.rows() + times, took, gave, kept.tips());
        return new Kept(kept.rows() + times, took + paid.tip() * times, gave, kept.tips() + times);
    }
}
