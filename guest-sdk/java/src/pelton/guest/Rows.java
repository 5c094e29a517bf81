package pelton.guest;

/** The rows of a batch, for a {@link Transform} of whole columns. */
public interface Rows {
    /** How many there are; those with a null where none may be are rejected before. */
    int count();

    /** Makes a row of row {@code row}; answers its place in the columns that are made. Every column is set there. */
    int emit(int row);

    /** Rejects a row, which goes to {@code operator.rejected} with the reason. */
    void reject(int row, String reason);

    /** What there is to know of a row. */
    Context context(int row);
}
