package pelton.guest.spi;

import pelton.guest.Context;
import pelton.guest.Window;

/** An aggregate. */
public abstract class AggregateOperator<S> extends Operator {
    public abstract Shape<S> state();

    public abstract S zero();

    public abstract S add(S state, In row, Context context);

    public abstract S retract(S state, In row, Context context);

    public abstract S merge(S state, S later);

    public abstract void finish(S state, Window window, Sink sink);
}
