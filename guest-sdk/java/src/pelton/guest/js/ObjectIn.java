package pelton.guest.js;

import org.teavm.jso.JSBody;
import org.teavm.jso.JSObject;
import pelton.guest.spi.In;

/** A row as an object, or a single value. */
final class ObjectIn extends In {
    private final JSObject names;
    private JSObject row;

    /** {@code names} are the fields in the order of a record's components; null: a single value. */
    ObjectIn(JSObject names) {
        this.names = names == null ? single() : names;
        isSingle = names == null;
    }

    private final boolean isSingle;

    ObjectIn of(JSObject object) {
        row = isSingle ? boxed(object) : object;
        return this;
    }

    @JSBody(script = "return ['value'];")
    private static native JSObject single();

    @JSBody(params = "value", script = "return { value: value };")
    private static native JSObject boxed(JSObject value);

    private JSObject name(int at) {
        return Js.at(names, at);
    }

    @Override
    public boolean isNull(int at) {
        return Js.isNullField(row, name(at));
    }

    @Override
    public boolean bool(int at) {
        return Js.boolField(row, name(at));
    }

    @Override
    public int i32(int at) {
        return Js.integerField(row, name(at));
    }

    @Override
    public long i64(int at) {
        return Js.bigField(row, name(at));
    }

    @Override
    public float f32(int at) {
        return (float) Js.numberField(row, name(at));
    }

    @Override
    public double f64(int at) {
        return Js.numberField(row, name(at));
    }

    @Override
    public String text(int at) {
        return Js.textField(row, name(at));
    }

    @Override
    public byte[] bytes(int at) {
        return Js.toJava(Js.anyField(row, name(at)));
    }
}
