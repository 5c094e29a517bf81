import pelton.guest.Column;
import pelton.guest.Date;
import pelton.guest.Nullable;
import pelton.guest.Pass;
import pelton.guest.Timestamp;
import pelton.guest.Transform;
import pelton.guest.Unsigned;

/** Every type, nullable, in and out. */
final class Kinds {
    record Row(
        Boolean flag, Byte i8, Short i16, Integer i32, Long i64, @Unsigned Byte n8, @Unsigned Short n16, @Unsigned Integer n32,
        @Unsigned Long n64, Float half, @Column("full") Double whole, @Nullable String text, @Date Integer day, @Timestamp Long at) {}

    @Transform(passes = Pass.NONE)
    static Row kinds(Row row) {
        return row;
    }
}
