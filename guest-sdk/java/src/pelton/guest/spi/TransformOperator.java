package pelton.guest.spi;

import java.util.List;
import pelton.guest.Context;

/** A transform. */
public abstract class TransformOperator extends Operator {
    /** Calls the author's method for a row. */
    public abstract void row(In row, Context context, Sink sink);

    /** What rows of the side table at a place are read as. */
    public abstract Shape<?> lookup(int at);

    /** Builds what is looked up in. */
    public abstract void load(int at, List<?> rows);
}
