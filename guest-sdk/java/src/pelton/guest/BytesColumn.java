package pelton.guest;

/** A whole column of {@code binary}. See {@link WholeColumn}. */
public abstract class BytesColumn extends WholeColumn {
    /** Of a column that is read. */
    public abstract byte[] get(int row);

    /** Of a column that is made. */
    public abstract void set(int row, byte[] value);
}
