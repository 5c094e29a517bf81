package pelton.guest.spi;

import pelton.guest.BooleanColumn;
import pelton.guest.BytesColumn;
import pelton.guest.DoubleColumn;
import pelton.guest.FloatColumn;
import pelton.guest.IntColumn;
import pelton.guest.LongColumn;
import pelton.guest.TextColumn;

/** Columns of a batch by their places: those that are read, or those that are made. */
public abstract class WholeColumns {
    public abstract BooleanColumn bool(int at);

    public abstract IntColumn i32(int at);

    public abstract LongColumn i64(int at);

    public abstract FloatColumn f32(int at);

    public abstract DoubleColumn f64(int at);

    public abstract TextColumn text(int at);

    public abstract BytesColumn bytes(int at);
}
