package pelton.guest.js;

import org.teavm.jso.JSBody;
import org.teavm.jso.JSObject;
import pelton.guest.spi.Out;

/** A row made as an object, or a single value. */
final class ObjectOut extends Out {
    private final JSObject names;
    private final boolean isSingle;
    private JSObject row;

    /** {@code names} are the fields in the order of a record's components; null: a single value. */
    ObjectOut(JSObject names) {
        isSingle = names == null;
        this.names = isSingle ? single() : names;
    }

    ObjectOut begin() {
        row = Js.object();
        return this;
    }

    /** What was made. */
    JSObject made() {
        return isSingle ? Js.field(row, "value") : row;
    }

    @JSBody(script = "return ['value'];")
    private static native JSObject single();

    @JSBody(params = "value", script = "return value >>> 0;")
    private static native double unsigned(int value);

    private JSObject name(int at) {
        return Js.at(names, at);
    }

    @Override
    public void nothing(int at) {
        Js.setField(row, name(at), (JSObject) null);
    }

    @Override
    public void bool(int at, boolean value) {
        Js.setField(row, name(at), value);
    }

    @Override
    public void i32(int at, int value) {
        Js.setField(row, name(at), (double) value);
    }

    @Override
    public void u32(int at, int value) {
        Js.setField(row, name(at), unsigned(value));
    }

    @Override
    public void i64(int at, long value) {
        Js.setField(row, name(at), value);
    }

    @Override
    public void u64(int at, long value) {
        Js.setUnsigned(row, name(at), value);
    }

    @Override
    public void f32(int at, float value) {
        Js.setField(row, name(at), (double) value);
    }

    @Override
    public void f64(int at, double value) {
        Js.setField(row, name(at), value);
    }

    @Override
    public void text(int at, String value) {
        if (value == null) throw isNull(at);
        Js.setField(row, name(at), value);
    }

    @Override
    public void bytes(int at, byte[] value) {
        if (value == null) throw isNull(at);
        Js.setField(row, name(at), Js.fromJava(value));
    }

    @JSBody(params = {"names", "at"}, script = "return names[at];")
    private static native String text(JSObject names, int at);

    private NullPointerException isNull(int at) {
        return new NullPointerException("`" + text(names, at) + "` of what was made is null, and not `@Nullable`");
    }
}
