package pelton.guest.js;

import java.util.List;
import org.teavm.jso.JSObject;
import pelton.guest.Context;
import pelton.guest.Emitter;
import pelton.guest.spi.CogroupCall;
import pelton.guest.spi.Makes;
import pelton.guest.spi.Shape;

/** What `java/cogroup.ts` gives of a key; its {@code names} have the fields of every shape. */
final class JsCogroupCall extends CogroupCall {
    private final JSObject call;
    private final JSObject names;
    private List<?> left;
    private List<?> right;

    JsCogroupCall(JSObject call) {
        this.call = call;
        names = Js.field(call, "names");
    }

    private JSObject object(Object row) {
        int place = RowObjects.place(left, row);
        if (place >= 0) return Js.at(Js.field(call, "left"), place);
        place = RowObjects.place(right, row);
        if (place < 0) throw RowObjects.strange();
        return Js.at(Js.field(call, "right"), place);
    }

    @Override
    public <K> K key(Shape<K> shape) {
        return shape.read(new ObjectIn(Js.field(names, "key")).of(Js.field(call, "key")));
    }

    @Override
    public <L> List<L> left(Shape<L> shape) {
        List<L> read = KeyRows.of(shape, Js.field(names, "left"), Js.field(call, "left"));
        left = read;
        return read;
    }

    @Override
    public <R> List<R> right(Shape<R> shape) {
        List<R> read = KeyRows.of(shape, Js.field(names, "right"), Js.field(call, "right"));
        right = read;
        return read;
    }

    @Override
    public <M> Emitter<M> emitter(Makes<M> makes) {
        return new JsEmitter<>(call, Js.field(names, "ports"), makes, this::object);
    }

    @Override
    public Context context() {
        return new JsContext(Js.field(call, "context"), this::object);
    }
}
