package pelton.guest.js;

import org.teavm.jso.JSObject;
import pelton.guest.Reject;

/** What is called for each row of a batch that is shown. */
interface RowCall {
    void row(ColumnsIn in, JsContext context);

    /** Calls it for the rows of {@code batch}, which says which are not shown and takes those that are rejected. */
    static void run(JSObject batch, int rows, RowCall call) {
        ColumnsIn in = new ColumnsIn(batch);
        JsContext context = new JsContext(Js.field(batch, "context"), RowObjects.NONE);
        JSObject refused = Js.field(batch, "refused");
        JSObject rejected = Js.field(batch, "rejected");
        for (int row = 0; row < rows; row++) {
            if (refused != null && Js.isSet(refused, row)) continue;
            in.row = row;
            context.at(row);
            try {
                call.row(in, context);
            } catch (Reject reject) {
                Js.reject(rejected, row, String.valueOf(reject.getMessage()));
            }
        }
    }
}
