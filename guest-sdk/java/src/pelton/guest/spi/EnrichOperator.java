package pelton.guest.spi;

import pelton.guest.Context;
import pelton.guest.Reply;
import pelton.guest.Request;

/** An enrich operator. */
public abstract class EnrichOperator extends Operator {
    /** Calls the author's {@code ask} for a row. */
    public abstract Request ask(In row, Context context);

    /** Calls the author's {@code answer} for a row and its reply, which is null if it asked nothing. */
    public abstract void answer(In row, Reply reply, Context context, Sink sink);
}
