package pelton.guest.js;

import org.teavm.jso.JSObject;
import pelton.guest.Reject;
import pelton.guest.spi.RowCall;

/** The loop over the rows of a batch: of transforms and of enrich operators. */
final class RowLoop {
    private RowLoop() {}

    /** Calls {@code call} for the rows of {@code batch}, which says which are not shown and takes those that are rejected. {@code in} is at the row. */
    static void run(ColumnsIn in, JSObject batch, int rows, ColumnsSink sink, RowCall call) {
        JsContext context = new JsContext(Js.field(batch, "context"), RowObjects.NONE);
        JSObject refused = Js.field(batch, "refused");
        JSObject rejected = Js.field(batch, "rejected");
        for (int row = 0; row < rows; row++) {
            if (refused != null && Js.isSet(refused, row)) continue;
            in.row = row;
            sink.number = row;
            context.at(row);
            try {
                call.row(in, context, sink);
            } catch (Reject reject) {
                Js.reject(rejected, row, String.valueOf(reject.getMessage()));
            }
        }
    }
}
