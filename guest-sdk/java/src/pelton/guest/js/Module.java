package pelton.guest.js;

import org.teavm.jso.JSBody;
import org.teavm.jso.JSExceptions;
import org.teavm.jso.JSObject;
import pelton.guest.Log;
import pelton.guest.spi.Operator;

/** What modules of all kinds do. */
public final class Module {
    private Module() {}

    /** Takes the options, whose fields are {@code names}, and from here on tells {@code host} what is logged and counted. */
    public static void open(Operator operator, JSObject options, JSObject names, JSObject host) {
        Log.tell(new Log.Taker() {
            @Override
            public void log(String level, String line) {
                Module.log(host, level, line);
            }

            @Override
            public void counter(String name, long delta) {
                Module.counter(host, name, delta);
            }

            @Override
            public void gauge(String name, double value) {
                Module.gauge(host, name, value);
            }
        });
        operator.open(new ObjectIn(names).of(options));
    }

    /** The class and message of an exception, and what caused it. Empty if it is not Java's. */
    public static String failure(JSObject error) {
        StringBuilder told = new StringBuilder();
        for (Throwable one = JSExceptions.getJavaException(error); one != null; one = one.getCause()) {
            if (told.length() > 0) told.append(", caused by ");
            told.append(one.getClass().getName());
            if (one.getMessage() != null) told.append(": ").append(one.getMessage());
        }
        return told.toString();
    }

    @JSBody(params = {"host", "level", "line"}, script = "host.log(level, line);")
    private static native void log(JSObject host, String level, String line);

    @JSBody(params = {"host", "name", "delta"}, script = "host.counter(name, Number(delta));")
    private static native void counter(JSObject host, String name, long delta);

    @JSBody(params = {"host", "name", "value"}, script = "host.gauge(name, value);")
    private static native void gauge(JSObject host, String name, double value);
}
