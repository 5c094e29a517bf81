package pelton.guest.js;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.teavm.jso.JSObject;
import pelton.guest.spi.Shape;

/** The rows of a key as records, beside the objects that they came as. */
final class KeyRows {
    private KeyRows() {}

    static <R> List<R> of(Shape<R> shape, JSObject names, JSObject objects) {
        ObjectIn in = new ObjectIn(names);
        int count = Js.length(objects);
        List<R> rows = new ArrayList<>(count);
        for (int row = 0; row < count; row++) rows.add(shape.read(in.of(Js.at(objects, row))));
        return Collections.unmodifiableList(rows);
    }
}
