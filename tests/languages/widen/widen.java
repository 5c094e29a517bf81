import pelton.guest.Column;
import pelton.guest.Timestamp;
import pelton.guest.Transform;

/** Narrower numbers and coarser times, read as wider ones. */
final class Widen {
    record Row(double small, long count, @Timestamp long at) {}

    record Wide(@Column("double") double twice, long next, long micros) {}

    @Transform
    static Wide widen(Row row) {
        return new Wide(row.small() * 2, row.count() + 1, row.at());
    }
}
