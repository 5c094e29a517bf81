package pelton.guest.js;

import org.teavm.jso.JSBody;
import org.teavm.jso.JSObject;
import pelton.guest.Reply;
import pelton.guest.Request;
import pelton.guest.spi.Asked;
import pelton.guest.spi.EnrichOperator;

/** An enrich operator, called by `java/enrich.ts`. */
public final class EnrichRunner {
    private EnrichRunner() {}

    /** Puts what the rows of a batch ask into its {@code requests}, and which row waits for which into {@code wanted}. */
    public static void ask(EnrichOperator operator, JSObject batch, int rows) {
        Asked asked = new Asked();
        JSObject wanted = Js.field(batch, "wanted");
        ColumnsIn in = new ColumnsIn(batch);
        ColumnsSink sink = new ColumnsSink(Js.field(batch, "outputs"));
        RowLoop.run(in, batch, rows, sink, (row, context, nothing) -> put(wanted, in.row, asked.by(operator, row, context)));
        JSObject requests = Js.field(batch, "requests");
        for (Request request : asked.requests()) {
            JSObject headers = list();
            for (Request.Header header : request.headers()) push(headers, header.name(), header.value());
            push(requests, request.endpoint(), request.method(), request.path(), headers, Js.fromJava(request.body()));
        }
    }

    /** Calls the author's method with the replies; answers why the batch is to be asked again, null if it is not. */
    public static String answer(EnrichOperator operator, JSObject batch, int rows) {
        JSObject told = Js.field(batch, "replies");
        Reply[] replies = new Reply[Js.length(told)];
        for (int at = 0; at < replies.length; at++) replies[at] = reply(Js.at(told, at));
        ColumnsSink sink = new ColumnsSink(Js.field(batch, "outputs"));
        JSObject wanted = Js.field(batch, "wanted");
        ColumnsIn in = new ColumnsIn(batch);
        RowLoop.run(in, batch, rows, sink, (row, context, made) -> {
            int number = Js.integer(wanted, in.row);
            if (number != Asked.NOTHING && (number < 0 || number >= replies.length)) {
                throw new IllegalStateException("the engine has no reply for a row that waits for one");
            }
            operator.answer(row, number == Asked.NOTHING ? null : replies[number], context, made);
        });
        sink.end();
        for (Reply reply : replies) if (reply.wantsAgain() != null) return reply.wantsAgain();
        return null;
    }

    private static Reply reply(JSObject told) {
        if (hasError(told)) return Reply.none(error(told));
        Reply reply = Reply.of(status(told), Js.toJava(Js.field(told, "body")));
        JSObject headers = Js.field(told, "headers");
        for (int at = 0; at < Js.length(headers); at++) reply = reply.header(text(Js.at(headers, at), 0), text(Js.at(headers, at), 1));
        return reply;
    }

    @JSBody(params = {"wanted", "row", "number"}, script = "wanted[row] = number;")
    private static native void put(JSObject wanted, int row, int number);

    @JSBody(script = "return [];")
    private static native JSObject list();

    @JSBody(params = {"headers", "name", "value"}, script = "headers.push([name, value]);")
    private static native void push(JSObject headers, String name, String value);

    @JSBody(params = {"requests", "endpoint", "method", "path", "headers", "body"},
        script = "requests.push({ endpoint: endpoint, method: method, path: path, headers: headers, body: body });")
    private static native void push(JSObject requests, String endpoint, String method, String path, JSObject headers, JSObject body);

    @JSBody(params = "told", script = "return told.error !== null && told.error !== undefined;")
    private static native boolean hasError(JSObject told);

    @JSBody(params = "told", script = "return told.error;")
    private static native String error(JSObject told);

    @JSBody(params = "told", script = "return told.status;")
    private static native int status(JSObject told);

    @JSBody(params = {"pair", "at"}, script = "return pair[at];")
    private static native String text(JSObject pair, int at);
}
