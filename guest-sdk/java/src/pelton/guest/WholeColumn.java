package pelton.guest;

/**
 * A column of a batch. Records of these in the place of values make a {@link Transform} one of whole columns, which is called once for a batch:
 * {@code static void priced(Bids bids, Priced made, Rows rows)}. The first record is read, by the rows that {@code rows} counts; the second is
 * made, at the places that {@link Rows#emit} gives out.
 */
public abstract class WholeColumn {
    /** Of a column that may have nulls; what {@code get} answers for one is unspecified. */
    public abstract boolean isNull(int row);

    /** Of a column that is made and may have nulls. */
    public abstract void setNull(int row);
}
