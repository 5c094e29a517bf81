package pelton.guest.js;

import org.teavm.jso.JSObject;
import pelton.guest.Context;
import pelton.guest.Rows;

/** The rows of a batch of whole columns. */
final class JsRows implements Rows {
    private final int count;
    private final ColumnsOut made;
    private final JSObject rejected;
    private final JSObject kept;
    private final JsContext context;

    /** {@code batch} has in {@code kept} the numbers of its rows, if some are left out. */
    JsRows(JSObject batch, int count, ColumnsOut made) {
        this.count = count;
        this.made = made;
        rejected = Js.field(batch, "rejected");
        kept = Js.field(batch, "kept");
        context = new JsContext(Js.field(batch, "context"), RowObjects.NONE);
    }

    private int number(int row) {
        return kept == null ? row : Js.index(kept, row);
    }

    @Override
    public int count() {
        return count;
    }

    @Override
    public int emit(int row) {
        return made.next(number(row));
    }

    @Override
    public void reject(int row, String reason) {
        Js.reject(rejected, number(row), reason);
    }

    @Override
    public Context context(int row) {
        context.at(number(row));
        return context;
    }
}
