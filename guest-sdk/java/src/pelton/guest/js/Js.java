package pelton.guest.js;

import org.teavm.jso.JSBody;
import org.teavm.jso.JSObject;

/** What Java says by JavaScript: cells of columns and fields of objects, read and written without a call. */
final class Js {
    private Js() {}

    @JSBody(params = {"columns", "at", "row"}, script = "return columns[at][row];")
    static native double number(JSObject columns, int at, int row);

    @JSBody(params = {"columns", "at", "row"}, script = "return columns[at][row] | 0;")
    static native int integer(JSObject columns, int at, int row);

    @JSBody(params = {"columns", "at", "row"}, script = "return BigInt.asIntN(64, columns[at][row]);")
    static native long big(JSObject columns, int at, int row);

    @JSBody(params = {"columns", "at", "row"}, script = "return columns[at].get(row);")
    static native String text(JSObject columns, int at, int row);

    @JSBody(params = {"columns", "at", "row"}, script = "return columns[at].get(row);")
    static native JSObject bytes(JSObject columns, int at, int row);

    @JSBody(params = {"columns", "at", "row"}, script = "return columns[at][row] !== 0;")
    static native boolean bool(JSObject columns, int at, int row);

    @JSBody(params = {"valid", "at", "row"}, script = "var bits = valid[at]; return bits !== null && ((bits[row >> 3] >> (row & 7)) & 1) === 0;")
    static native boolean isNull(JSObject valid, int at, int row);

    @JSBody(params = {"cells", "row"}, script = "return cells[row];")
    static native double number(JSObject cells, int row);

    @JSBody(params = {"cells", "row"}, script = "return cells[row] | 0;")
    static native int integer(JSObject cells, int row);

    @JSBody(params = {"cells", "row"}, script = "return BigInt.asIntN(64, cells[row]);")
    static native long big(JSObject cells, int row);

    @JSBody(params = {"cells", "row"}, script = "return cells.get(row);")
    static native String text(JSObject cells, int row);

    @JSBody(params = {"cells", "row"}, script = "return cells.get(row);")
    static native JSObject bytes(JSObject cells, int row);

    @JSBody(params = {"columns", "at", "row", "value"}, script = "columns[at][row] = value;")
    static native void put(JSObject columns, int at, int row, double value);

    @JSBody(params = {"columns", "at", "row", "value"}, script = "columns[at][row] = value;")
    static native void put(JSObject columns, int at, int row, int value);

    @JSBody(params = {"columns", "at", "row", "value"}, script = "columns[at][row] = value;")
    static native void put(JSObject columns, int at, int row, long value);

    @JSBody(params = {"columns", "at", "row", "value"}, script = "columns[at][row] = value;")
    static native void put(JSObject columns, int at, int row, String value);

    @JSBody(params = {"columns", "at", "row", "value"}, script = "columns[at][row] = value;")
    static native void put(JSObject columns, int at, int row, JSObject value);

    @JSBody(params = {"valid", "at", "row"}, script = "valid[at][row] = 0;")
    static native void clear(JSObject valid, int at, int row);

    @JSBody(params = {"flags", "row"}, script = "return flags[row] !== 0;")
    static native boolean isSet(JSObject flags, int row);

    @JSBody(params = {"list", "at"}, script = "return list[at];")
    static native JSObject at(JSObject list, int at);

    @JSBody(params = {"list", "at"}, script = "return list[at];")
    static native int index(JSObject list, int at);

    @JSBody(params = {"list", "at"}, script = "return list[at];")
    static native long long64(JSObject list, int at);

    @JSBody(params = "list", script = "return list.length;")
    static native int length(JSObject list);

    @JSBody(params = {"of", "name"}, script = "return of[name];")
    static native JSObject field(JSObject of, String name);

    @JSBody(params = {"of", "name"}, script = "return of[name];")
    static native double numberField(JSObject of, JSObject name);

    @JSBody(params = {"of", "name"}, script = "return of[name] | 0;")
    static native int integerField(JSObject of, JSObject name);

    @JSBody(params = {"of", "name"}, script = "return BigInt.asIntN(64, of[name]);")
    static native long bigField(JSObject of, JSObject name);

    @JSBody(params = {"of", "name"}, script = "return of[name];")
    static native String textField(JSObject of, JSObject name);

    @JSBody(params = {"of", "name"}, script = "return of[name];")
    static native JSObject anyField(JSObject of, JSObject name);

    @JSBody(params = {"of", "name"}, script = "return of[name] === true;")
    static native boolean boolField(JSObject of, JSObject name);

    @JSBody(params = {"of", "name"}, script = "return of[name] === null || of[name] === undefined;")
    static native boolean isNullField(JSObject of, JSObject name);

    @JSBody(params = {"of", "name", "value"}, script = "of[name] = value;")
    static native void setField(JSObject of, JSObject name, double value);

    @JSBody(params = {"of", "name", "value"}, script = "of[name] = value;")
    static native void setField(JSObject of, JSObject name, long value);

    @JSBody(params = {"of", "name", "value"}, script = "of[name] = BigInt.asUintN(64, value);")
    static native void setUnsigned(JSObject of, JSObject name, long value);

    @JSBody(params = {"of", "name", "value"}, script = "of[name] = value;")
    static native void setField(JSObject of, JSObject name, boolean value);

    @JSBody(params = {"of", "name", "value"}, script = "of[name] = value;")
    static native void setField(JSObject of, JSObject name, String value);

    @JSBody(params = {"of", "name", "value"}, script = "of[name] = value;")
    static native void setField(JSObject of, JSObject name, JSObject value);

    @JSBody(script = "return {};")
    static native JSObject object();

    @JSBody(params = {"list", "row", "reason"}, script = "list.push({ row: row, reason: reason });")
    static native void reject(JSObject list, int row, String reason);

    @JSBody(params = "bytes", script = "return new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);")
    static native org.teavm.jso.typedarrays.Int8Array signed(JSObject bytes);

    @JSBody(params = "bytes", script = "return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length).slice();")
    static native JSObject unsigned(JSObject bytes);

    static byte[] toJava(JSObject bytes) {
        org.teavm.jso.typedarrays.Int8Array from = signed(bytes);
        byte[] copy = new byte[from.getLength()];
        for (int at = 0; at < copy.length; at++) copy[at] = from.get(at);
        return copy;
    }

    static JSObject fromJava(byte[] bytes) {
        return unsigned(org.teavm.jso.typedarrays.Int8Array.copyFromJavaArray(bytes));
    }
}
