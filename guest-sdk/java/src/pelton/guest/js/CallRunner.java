package pelton.guest.js;

import org.teavm.jso.JSObject;
import pelton.guest.spi.CogroupOperator;
import pelton.guest.spi.KeyedOperator;

/** Keyed operators and cogroups, called for a key. */
public final class CallRunner {
    private CallRunner() {}

    public static void process(KeyedOperator operator, JSObject call) {
        operator.process(new JsKeyedCall(call));
    }

    public static void process(CogroupOperator operator, JSObject call) {
        operator.process(new JsCogroupCall(call));
    }
}
