package pelton.guest;

/** A whole column of texts; {@code get} decodes one. See {@link WholeColumn}. */
public abstract class TextColumn extends WholeColumn {
    /** Of a column that is read. */
    public abstract String get(int row);

    /** Of a column that is made. */
    public abstract void set(int row, String value);
}
