import pelton.guest.Aggregate;
import pelton.guest.Default;
import pelton.guest.Nullable;
import pelton.guest.Options;
import pelton.guest.Reject;

/** Sums, means and the first word of each group: nulls, text and numbers that are kept; groups that are dropped and refused. */
@Aggregate
final class Total {
    @Options
    record Scale(@Default("1") long scale) {}

    record Row(Long n, double x, @Nullable String word) {}

    record Kept(long rows, long sum, long numbers, double total, @Nullable String word) {}

    record Totals(long sum, Double mean, double total, @Nullable String word) {}

    static Kept zero() {
        return new Kept(0, 0, 0, 0, null);
    }

    static Kept add(Kept kept, Row row, Scale scale) {
        long n = row.n() == null ? 0 : row.n() * scale.scale();
        long numbers = kept.numbers() + (row.n() == null ? 0 : 1);
        return new Kept(kept.rows() + 1, kept.sum() + n, numbers, kept.total() + row.x(), first(kept.word(), row.word()));
    }

    static Kept merge(Kept kept, Kept later) {
        return new Kept(
            kept.rows() + later.rows(), kept.sum() + later.sum(), kept.numbers() + later.numbers(), kept.total() + later.total(),
            first(kept.word(), later.word()));
    }

    static Totals finish(Kept kept) {
        if (kept.sum() < 0) throw new Reject(kept.sum() + " is less than nothing");
        if (kept.rows() == 0) return null;
        return new Totals(kept.sum(), kept.numbers() == 0 ? null : (double) kept.sum() / kept.numbers(), kept.total(), kept.word());
    }

    private static String first(String a, String b) {
        return a == null ? b : b == null || a.compareTo(b) < 0 ? a : b;
    }
}
