package pelton.guest.spi;

/** A row that is made, column by column: each is said once. Numbers without sign are said by their values, but u64. */
public abstract class Out {
    /** A null. */
    public abstract void nothing(int at);

    public abstract void bool(int at, boolean value);

    /** Of s8, s16, s32, u8, u16 and dates. */
    public abstract void i32(int at, int value);

    public abstract void u32(int at, int value);

    /** Of s64 and timestamps. */
    public abstract void i64(int at, long value);

    public abstract void u64(int at, long value);

    public abstract void f32(int at, float value);

    public abstract void f64(int at, double value);

    /** A null fails here. */
    public abstract void text(int at, String value);

    /** A null fails here. */
    public abstract void bytes(int at, byte[] value);
}
