package pelton.guest.js;

import org.teavm.jso.JSObject;
import pelton.guest.spi.Out;
import pelton.guest.spi.Sink;

/** The outputs of a call. */
final class ColumnsSink extends Sink {
    private final ColumnsOut first;
    private final ColumnsOut[] others;
    /** The row, or group, that rows are made of. */
    int number;

    ColumnsSink(JSObject outputs) {
        first = new ColumnsOut(Js.at(outputs, 0));
        others = new ColumnsOut[Js.length(outputs) - 1];
        for (int at = 0; at < others.length; at++) others[at] = new ColumnsOut(Js.at(outputs, at + 1));
    }

    @Override
    public Out row(int port, Object made) {
        ColumnsOut out = port == 0 ? first : others[port - 1];
        out.next(number);
        return out;
    }

    /** After the last row. */
    void end() {
        first.end();
        for (ColumnsOut other : others) other.end();
    }
}
