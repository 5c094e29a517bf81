package pelton.guest.js;

import org.teavm.jso.JSObject;
import pelton.guest.spi.In;

/** A row of a batch's columns. */
final class ColumnsIn extends In {
    private final JSObject values;
    private final JSObject valid;
    int row;

    /** {@code batch} has for each column the values and, if there are nulls, which are none. */
    ColumnsIn(JSObject batch) {
        values = Js.field(batch, "values");
        valid = Js.field(batch, "valid");
    }

    /** Whether nothing is there but nulls, in so many columns. */
    boolean isNothing(int columns) {
        for (int at = 0; at < columns; at++) if (!isNull(at)) return false;
        return columns > 0;
    }

    @Override
    public boolean isNull(int at) {
        return Js.isNull(valid, at, row);
    }

    @Override
    public boolean bool(int at) {
        return Js.bool(values, at, row);
    }

    @Override
    public int i32(int at) {
        return Js.integer(values, at, row);
    }

    @Override
    public long i64(int at) {
        return Js.big(values, at, row);
    }

    @Override
    public float f32(int at) {
        return (float) Js.number(values, at, row);
    }

    @Override
    public double f64(int at) {
        return Js.number(values, at, row);
    }

    @Override
    public String text(int at) {
        return Js.text(values, at, row);
    }

    @Override
    public byte[] bytes(int at) {
        return Js.toJava(Js.bytes(values, at, row));
    }
}
