package pelton.guest;

/** A whole column of {@code s64}, with {@code @Unsigned} of {@code u64}, with {@code @Timestamp} of times. See {@link WholeColumn}. */
public abstract class LongColumn extends WholeColumn {
    /** Of a column that is read. */
    public abstract long get(int row);

    /** Of a column that is made. */
    public abstract void set(int row, long value);
}
