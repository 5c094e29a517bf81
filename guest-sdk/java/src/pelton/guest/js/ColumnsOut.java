package pelton.guest.js;

import org.teavm.jso.JSBody;
import org.teavm.jso.JSObject;
import pelton.guest.spi.Out;

/** Rows that are made, put into the columns of an output as they come. */
final class ColumnsOut extends Out {
    private final JSObject made;
    private final JSObject values;
    private final JSObject valid;
    private int capacity;
    private int row = -1;

    /** {@code made} is what `java/columns.ts` makes for an output. */
    ColumnsOut(JSObject made) {
        this.made = made;
        values = Js.field(made, "values");
        valid = Js.field(made, "valid");
        capacity = capacity(made);
    }

    /** Begins a row, made of row {@code number}; answers its place. */
    int next(int number) {
        if (++row == capacity) capacity = grow(made);
        note(made, row, number);
        return row;
    }

    /** After the last row. */
    void end() {
        count(made, row + 1);
    }

    @JSBody(params = {"made", "row", "number"}, script = "made.numbers[row] = number;")
    private static native void note(JSObject made, int row, int number);

    @JSBody(params = {"made", "count"}, script = "made.count = count;")
    private static native void count(JSObject made, int count);

    @JSBody(params = "made", script = "return made.grow();")
    private static native int grow(JSObject made);

    @JSBody(params = "made", script = "return made.capacity;")
    private static native int capacity(JSObject made);

    @JSBody(params = {"made", "at"}, script = "return made.names[at];")
    private static native String name(JSObject made, int at);

    @Override
    public void nothing(int at) {
        Js.clear(valid, at, row);
    }

    @Override
    public void bool(int at, boolean value) {
        Js.put(values, at, row, value ? 1 : 0);
    }

    @Override
    public void i32(int at, int value) {
        Js.put(values, at, row, value);
    }

    @Override
    public void u32(int at, int value) {
        Js.put(values, at, row, value);
    }

    @Override
    public void i64(int at, long value) {
        Js.put(values, at, row, value);
    }

    @Override
    public void u64(int at, long value) {
        Js.put(values, at, row, value);
    }

    @Override
    public void f32(int at, float value) {
        Js.put(values, at, row, value);
    }

    @Override
    public void f64(int at, double value) {
        Js.put(values, at, row, value);
    }

    @Override
    public void text(int at, String value) {
        if (value == null) throw isNull(at);
        Js.put(values, at, row, value);
    }

    @Override
    public void bytes(int at, byte[] value) {
        if (value == null) throw isNull(at);
        Js.put(values, at, row, Js.fromJava(value));
    }

    private NullPointerException isNull(int at) {
        return new NullPointerException("`" + name(made, at) + "` of what was made is null, and not `@Nullable`");
    }
}
