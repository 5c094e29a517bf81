import pelton.guest.Aggregate;

/** A fold whose {@code merge} loses what later rows came to: {@code pelton check} must say so. */
@Aggregate
final class Lossy {
    record Row(long n) {}

    record Kept(long count) {}

    static Kept zero() {
        return new Kept(0);
    }

    static Kept add(Kept kept, Row row) {
        return new Kept(kept.count() + 1);
    }

    static Kept merge(Kept kept, Kept later) {
        return kept;
    }

    static Kept finish(Kept kept) {
        return kept;
    }
}
