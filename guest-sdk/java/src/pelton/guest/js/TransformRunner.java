package pelton.guest.js;

import java.util.ArrayList;
import java.util.List;
import org.teavm.jso.JSObject;
import pelton.guest.spi.Shape;
import pelton.guest.spi.TransformOperator;

/** A transform, called by `java/transform.ts`. */
public final class TransformRunner {
    private TransformRunner() {}

    /** Calls the author's method for the rows of a batch. */
    public static void process(TransformOperator operator, JSObject batch, int rows) {
        if (operator.isWhole()) {
            JSObject output = Js.at(Js.field(batch, "outputs"), 0);
            ColumnsOut made = new ColumnsOut(output);
            operator.whole(new JsColumns(batch), new JsColumns(output), new JsRows(batch, rows, made));
            made.end();
            return;
        }
        ColumnsSink sink = new ColumnsSink(Js.field(batch, "outputs"));
        RowLoop.run(new ColumnsIn(batch), batch, rows, sink, operator);
        sink.end();
    }

    /** Builds what is looked up in of the rows of a side table. */
    public static void load(TransformOperator operator, int at, JSObject names, JSObject objects) {
        Shape<?> shape = operator.lookup(at);
        ObjectIn in = new ObjectIn(names);
        List<Object> rows = new ArrayList<>();
        for (int row = 0; row < Js.length(objects); row++) rows.add(shape.read(in.of(Js.at(objects, row))));
        operator.load(at, rows);
    }
}
