package pelton.guest;

/** A whole column of {@code s32}, with {@code @Unsigned} of {@code u32}, with {@code @Date} of dates. Narrower columns can be read as one. See {@link WholeColumn}. */
public abstract class IntColumn extends WholeColumn {
    /** Of a column that is read. */
    public abstract int get(int row);

    /** Of a column that is made. */
    public abstract void set(int row, int value);
}
