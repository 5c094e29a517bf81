package pelton.guest.js;

import org.teavm.jso.JSBody;
import org.teavm.jso.JSExceptions;
import org.teavm.jso.JSObject;
import pelton.guest.Log;
import pelton.guest.spi.Operator;

/** What modules of all kinds do. */
public final class Module {
    private static final String NATIVE = "(JavaScript) ";

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
            String message = one.getMessage();
            boolean isNative = message != null && message.startsWith(NATIVE);
            // What JavaScript throws has a class of its own: `TypeError: …`.
            told.append(isNative ? message.substring(NATIVE.length()) : name(one));
            if (message != null && !isNative) told.append(": ").append(message);
        }
        return told.toString();
    }

    /** TeaVM keeps no names of what it alone throws. */
    private static String name(Throwable of) {
        String name = of.getClass().getName();
        if (name != null) return name;
        if (of instanceof ArrayIndexOutOfBoundsException) return "java.lang.ArrayIndexOutOfBoundsException";
        if (of instanceof NullPointerException) return "java.lang.NullPointerException";
        return of instanceof ClassCastException ? "java.lang.ClassCastException" : "java.lang.Throwable";
    }

    @JSBody(params = {"host", "level", "line"}, script = "host.log(level, line);")
    private static native void log(JSObject host, String level, String line);

    @JSBody(params = {"host", "name", "delta"}, script = "host.counter(name, Number(delta));")
    private static native void counter(JSObject host, String name, long delta);

    @JSBody(params = {"host", "name", "value"}, script = "host.gauge(name, value);")
    private static native void gauge(JSObject host, String name, double value);
}
