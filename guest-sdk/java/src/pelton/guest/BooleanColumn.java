package pelton.guest;

/** A whole column of {@code bool}. See {@link WholeColumn}. */
public abstract class BooleanColumn extends WholeColumn {
    /** Of a column that is read. */
    public abstract boolean get(int row);

    /** Of a column that is made. */
    public abstract void set(int row, boolean value);
}
