import pelton.guest.Enrich;
import pelton.guest.Nullable;
import pelton.guest.Options;
import pelton.guest.Reject;
import pelton.guest.Reply;
import pelton.guest.Request;

/** What an endpoint knows of words: asked by a path, or by a body; what it does not know is left out. */
@Enrich
final class Asks {
    @Options
    record Limits(long least) {}

    record Asked(@Nullable String what, long n) {}

    record Known(int status, @Nullable String answer, @Nullable String of) {}

    static Request ask(Asked row, Limits limits) {
        if (row.what() == null || row.n() < limits.least()) return null;
        if (row.what().startsWith("count ")) {
            return Request.post("words", "/count", row.what().substring("count ".length())).header("accept", "text/plain");
        }
        return Request.get("words", "/words/" + Request.encode(row.what())).query("n", row.n());
    }

    static Known answer(Asked row, Reply reply, Limits limits) {
        if (reply == null) return new Known(0, null, null);
        if (reply.error() != null) throw new Reject("nobody answers");
        if (reply.status() == 202) throw reply.again("not ready yet");
        if (reply.status() == 404) return null;
        return new Known(reply.status(), reply.text(), reply.header("X-Of"));
    }
}
