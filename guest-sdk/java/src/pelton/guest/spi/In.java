package pelton.guest.spi;

/** A row that is read, by the places of its columns. Integers are as Java has them: those without sign by their bits. */
public abstract class In {
    public abstract boolean isNull(int at);

    public abstract boolean bool(int at);

    /** Of s8, s16, s32, u8, u16, u32 and dates. */
    public abstract int i32(int at);

    /** Of s64, u64 and timestamps. */
    public abstract long i64(int at);

    public abstract float f32(int at);

    public abstract double f64(int at);

    public abstract String text(int at);

    public abstract byte[] bytes(int at);
}
