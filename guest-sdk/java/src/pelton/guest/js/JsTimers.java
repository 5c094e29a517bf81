package pelton.guest.js;

import org.teavm.jso.JSBody;
import org.teavm.jso.JSObject;
import pelton.guest.Timers;

/** The timers of `timers.ts`. */
final class JsTimers implements Timers {
    private final JSObject timers;

    JsTimers(JSObject timers) {
        this.timers = timers;
    }

    @Override
    public Iterable<Timer> due() {
        return () -> new JsIterator<>(due(timers), timer -> new Timer(id(timer), at(timer), isProcessing(timer)));
    }

    @Override
    public void set(int id, long at) {
        set(timers, id, at);
    }

    @Override
    public void setProcessing(int id, long at) {
        setProcessing(timers, id, at);
    }

    @Override
    public void clear(int id) {
        clear(timers, id);
    }

    @Override
    public boolean expiring() {
        return expiring(timers);
    }

    @JSBody(params = "timers", script = "return timers.due();")
    private static native JSObject due(JSObject timers);

    @JSBody(params = "timer", script = "return timer.id | 0;")
    private static native int id(JSObject timer);

    @JSBody(params = "timer", script = "return timer.at;")
    private static native long at(JSObject timer);

    @JSBody(params = "timer", script = "return timer.isProcessing;")
    private static native boolean isProcessing(JSObject timer);

    @JSBody(params = {"timers", "id", "at"}, script = "timers.set(id, at);")
    private static native void set(JSObject timers, int id, long at);

    @JSBody(params = {"timers", "id", "at"}, script = "timers.setProcessing(id, at);")
    private static native void setProcessing(JSObject timers, int id, long at);

    @JSBody(params = {"timers", "id"}, script = "timers.clear(id);")
    private static native void clear(JSObject timers, int id);

    @JSBody(params = "timers", script = "return timers.expiring;")
    private static native boolean expiring(JSObject timers);
}
