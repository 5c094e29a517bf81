package pelton.guest.js;

import org.teavm.jso.JSBody;
import org.teavm.jso.JSObject;
import pelton.guest.Emitter;
import pelton.guest.spi.Makes;
import pelton.guest.spi.Out;
import pelton.guest.spi.Sink;

/** Takes what a keyed operator or cogroup makes. */
final class JsEmitter<M> extends Sink implements Emitter<M> {
    private final JSObject call;
    private final JSObject names;
    private final Makes<M> makes;
    private final RowObjects objects;
    private int port;
    private ObjectOut made;

    /** {@code names} has the fields of each output. */
    JsEmitter(JSObject call, JSObject names, Makes<M> makes, RowObjects objects) {
        this.call = call;
        this.names = names;
        this.makes = makes;
        this.objects = objects;
    }

    @Override
    public Out row(int to, Object from) {
        port = to;
        made = new ObjectOut(Js.at(names, to)).begin();
        return made;
    }

    @Override
    public void emit(M row) {
        makes.put(row, this);
        emit(call, port, made.made());
    }

    @Override
    public void emit(M row, Object of) {
        JSObject origin = objects.of(of);
        makes.put(row, this);
        emitOf(call, port, made.made(), origin);
    }

    @Override
    public void reject(Object row, String reason) {
        reject(call, objects.of(row), reason);
    }

    @JSBody(params = {"call", "port", "made"}, script = "call.emit(port, made);")
    private static native void emit(JSObject call, int port, JSObject made);

    @JSBody(params = {"call", "port", "made", "of"}, script = "call.emit(port, made, of);")
    private static native void emitOf(JSObject call, int port, JSObject made, JSObject of);

    @JSBody(params = {"call", "row", "reason"}, script = "call.reject(row, reason);")
    private static native void reject(JSObject call, JSObject row, String reason);
}
