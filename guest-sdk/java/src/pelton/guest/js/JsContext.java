package pelton.guest.js;

import java.util.OptionalLong;
import org.teavm.jso.JSBody;
import org.teavm.jso.JSObject;
import pelton.guest.Context;

/** The context of `context.ts`, told of a row when it is asked about it. */
final class JsContext implements Context {
    private final JSObject context;
    private final RowObjects objects;
    private int row;
    private boolean isTold = true;

    JsContext(JSObject context, RowObjects objects) {
        this.context = context;
        this.objects = objects;
    }

    void at(int row) {
        this.row = row;
        isTold = false;
    }

    private JSObject told() {
        if (!isTold) tell(context, row);
        isTold = true;
        return context;
    }

    @JSBody(params = {"context", "row"}, script = "context.at(row);")
    private static native void tell(JSObject context, int row);

    @JSBody(params = {"context", "row"}, script = "context.of(row);")
    private static native void tellOf(JSObject context, JSObject row);

    @JSBody(params = "context", script = "return BigInt(context.epoch);")
    private static native long epoch(JSObject context);

    @JSBody(params = "context", script = "return BigInt(context.now);")
    private static native long now(JSObject context);

    @JSBody(params = "context", script = "return BigInt(context.row);")
    private static native long row(JSObject context);

    @JSBody(params = "context", script = "return context.watermark !== null;")
    private static native boolean hasWatermark(JSObject context);

    @JSBody(params = "context", script = "return BigInt.asIntN(64, BigInt(context.watermark));")
    private static native long watermark(JSObject context);

    @JSBody(params = "context", script = "return context.random();")
    private static native double random(JSObject context);

    @Override
    public long epoch() {
        return epoch(context);
    }

    @Override
    public long now() {
        return now(context);
    }

    @Override
    public OptionalLong watermark() {
        return hasWatermark(context) ? OptionalLong.of(watermark(context)) : OptionalLong.empty();
    }

    @Override
    public long row() {
        return row(told());
    }

    @Override
    public double random() {
        return random(told());
    }

    @Override
    public Context of(Object row) {
        tellOf(context, objects.of(row));
        return this;
    }
}
