package pelton.guest.js;

import java.util.List;
import org.teavm.jso.JSBody;
import org.teavm.jso.JSObject;
import pelton.guest.Context;
import pelton.guest.Emitter;
import pelton.guest.ListState;
import pelton.guest.MapState;
import pelton.guest.State;
import pelton.guest.Timers;
import pelton.guest.spi.KeyedCall;
import pelton.guest.spi.Makes;
import pelton.guest.spi.Shape;

/** What `java/keyed.ts` gives of a key; its {@code names} have the fields of every shape. */
final class JsKeyedCall extends KeyedCall {
    private final JSObject call;
    private final JSObject names;
    private final JSObject objects;
    private List<?> rows;

    JsKeyedCall(JSObject call) {
        this.call = call;
        names = Js.field(call, "names");
        objects = Js.field(call, "rows");
    }

    private JSObject object(Object row) {
        int place = RowObjects.place(rows, row);
        if (place < 0) throw RowObjects.strange();
        return Js.at(objects, place);
    }

    @Override
    public <K> K key(Shape<K> shape) {
        return shape.read(new ObjectIn(Js.field(names, "key")).of(Js.field(call, "key")));
    }

    @Override
    public <R> List<R> rows(Shape<R> shape) {
        List<R> read = KeyRows.of(shape, Js.field(names, "rows"), objects);
        rows = read;
        return read;
    }

    @Override
    public <S> State<S> state(Shape<S> shape) {
        JSObject state = Js.field(call, "state");
        JSObject fields = Js.field(names, "state");
        return new State<>() {
            private S value = hasValue(state) ? shape.read(new ObjectIn(fields).of(Js.field(state, "value"))) : null;

            @Override
            public S get() {
                return value;
            }

            @Override
            public void set(S changed) {
                value = changed;
                ObjectOut out = new ObjectOut(fields).begin();
                if (changed != null) shape.write(changed, out);
                setValue(state, changed == null ? null : out.made());
            }
        };
    }

    @Override
    public Timers timers() {
        return new JsTimers(Js.field(call, "timers"));
    }

    @Override
    public <M> Emitter<M> emitter(Makes<M> makes) {
        return new JsEmitter<>(call, Js.field(names, "ports"), makes, this::object);
    }

    @Override
    public <T> ListState<T> list(String name, Shape<T> shape) {
        return new JsList<>(Js.field(Js.field(call, "tables"), name), Js.field(Js.field(Js.field(names, "tables"), name), "value"), shape);
    }

    @Override
    public <K, V> MapState<K, V> map(String name, Shape<K> keys, Shape<V> values) {
        JSObject of = Js.field(Js.field(names, "tables"), name);
        return new JsMap<>(Js.field(Js.field(call, "tables"), name), Js.field(of, "key"), Js.field(of, "value"), keys, values);
    }

    @Override
    public Context context() {
        return new JsContext(Js.field(call, "context"), this::object);
    }

    @JSBody(params = "state", script = "return state.value !== null;")
    private static native boolean hasValue(JSObject state);

    @JSBody(params = {"state", "value"}, script = "state.value = value;")
    private static native void setValue(JSObject state, JSObject value);
}
