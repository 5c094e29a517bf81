package pelton.guest.js;

import org.teavm.jso.JSBody;
import org.teavm.jso.JSObject;
import pelton.guest.Reject;
import pelton.guest.spi.CogroupOperator;
import pelton.guest.spi.KeyedOperator;

/** Keyed operators and cogroups, called for a key. */
public final class CallRunner {
    private CallRunner() {}

    public static void process(KeyedOperator operator, JSObject call) {
        operator.process(new JsKeyedCall(call));
    }

    /** Puts into {@code answer} what an older version's {@code state} is now, or why it cannot be taken over; nothing if it is dropped. */
    public static void migrate(KeyedOperator operator, int version, JSObject before, JSObject names, JSObject state, JSObject answer) {
        try {
            Object migrated = operator.migrate(version, new ObjectIn(before).of(state));
            if (migrated == null) return;
            ObjectOut out = new ObjectOut(names).begin();
            operator.write(migrated, out);
            put(answer, out.made());
        } catch (Reject reject) {
            refuse(answer, String.valueOf(reject.getMessage()));
        }
    }

    @JSBody(params = {"answer", "state"}, script = "answer.state = state;")
    private static native void put(JSObject answer, JSObject state);

    @JSBody(params = {"answer", "reason"}, script = "answer.rejected = reason;")
    private static native void refuse(JSObject answer, String reason);

    public static void process(CogroupOperator operator, JSObject call) {
        operator.process(new JsCogroupCall(call));
    }
}
