package pelton.guest.spi;

import pelton.guest.Context;

/** What is called for each row of a batch that is shown. */
public interface RowCall {
    void row(In row, Context context, Sink sink);
}
