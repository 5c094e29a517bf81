package pelton.guest;

/** A whole column of {@code f32}. See {@link WholeColumn}. */
public abstract class FloatColumn extends WholeColumn {
    /** Of a column that is read. */
    public abstract float get(int row);

    /** Of a column that is made. */
    public abstract void set(int row, float value);
}
