package pelton.guest;

/** A whole column of {@code f64}. See {@link WholeColumn}. */
public abstract class DoubleColumn extends WholeColumn {
    /** Of a column that is read. */
    public abstract double get(int row);

    /** Of a column that is made. */
    public abstract void set(int row, double value);
}
