package pelton.guest.spi;

import java.util.List;
import pelton.guest.Context;
import pelton.guest.Rows;

/** A transform. */
public abstract class TransformOperator extends Operator implements RowCall {
    /** Whether it is one of whole columns, called once for a batch. */
    public abstract boolean isWhole();

    /** Calls the author's method for a row. */
    @Override
    public abstract void row(In row, Context context, Sink sink);

    /** Calls the author's method for a batch. */
    public abstract void whole(WholeColumns read, WholeColumns made, Rows rows);

    /** What rows of the side table at a place are read as. */
    public abstract Shape<?> lookup(int at);

    /** Builds what is looked up in. */
    public abstract void load(int at, List<?> rows);
}
