package pelton.guest.js;

import java.util.List;
import org.teavm.jso.JSObject;

/** The object that a row of a key came as: by the record itself, not one that is equal to it. */
interface RowObjects {
    RowObjects NONE = row -> {
        throw strange();
    };

    JSObject of(Object row);

    /** The place of {@code row} among {@code rows}; -1 if it is none of them. */
    static int place(List<?> rows, Object row) {
        for (int at = 0; rows != null && at < rows.size(); at++) if (rows.get(at) == row) return at;
        return -1;
    }

    static IllegalArgumentException strange() {
        return new IllegalArgumentException("the row is not one of those that this call was given for the key");
    }
}
