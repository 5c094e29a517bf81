package pelton.guest;

import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * What was answered, or why nothing was. Statuses such as 404 and 500 are replies; a refused connection, a timeout, or a body over the endpoint's
 * {@code max-reply} is an {@link #error}.
 */
public final class Reply {
    private final int status;
    private final List<Request.Header> headers;
    private final byte[] body;
    private final String error;
    private String again;

    private Reply(int status, List<Request.Header> headers, byte[] body, String error) {
        this.status = status;
        this.headers = headers;
        this.body = body;
        this.error = error;
    }

    /** A reply of a test. */
    public static Reply of(int status, String body) {
        return of(status, body.getBytes(StandardCharsets.UTF_8));
    }

    public static Reply of(int status, byte[] body) {
        return new Reply(status, List.of(), body.clone(), null);
    }

    /** No answer, of a test: why there is none. */
    public static Reply none(String error) {
        return new Reply(0, List.of(), new byte[0], error);
    }

    /** With a header, of a test. */
    public Reply header(String name, String value) {
        return new Reply(status, Request.with(headers, name, value), body, error);
    }

    /** 0 if there is no answer. */
    public int status() {
        return status;
    }

    /** Why no answer came; null if one did. */
    public @Nullable String error() {
        return error;
    }

    /** A status from 200 to 299. */
    public boolean isOk() {
        return error == null && status >= 200 && status < 300;
    }

    /** The first header of this name, whatever its case; null if there is none. */
    public @Nullable String header(String name) {
        for (Request.Header header : headers) if (header.name().equalsIgnoreCase(name)) return header.value();
        return null;
    }

    public List<Request.Header> headers() {
        return headers;
    }

    public byte[] body() {
        return body.clone();
    }

    /** The body of a reply that is ok. Of any other it rejects the row, with what came instead. */
    public String text() {
        if (error != null) throw new Reject(error);
        if (!isOk()) throw new Reject("status " + status);
        if (!isUtf8(body)) throw new Reject("the reply is not UTF-8");
        return new String(body, StandardCharsets.UTF_8);
    }

    /**
     * {@code throw reply.again("not ready yet")}: has the whole batch asked again, after a while: replies that are errors, or all if there are none
     * such. If that was done as often as the endpoint allows, the job fails.
     */
    public Reject again(String why) {
        again = String.valueOf(why);
        return new Reject(again);
    }

    /** Why the batch is to be asked again, null if it is not; the SDK's. */
    public @Nullable String wantsAgain() {
        return again;
    }

    /** Whether all of it is UTF-8: no byte too many or too few, no half of a pair, nothing that could be written shorter. */
    private static boolean isUtf8(byte[] bytes) {
        int at = 0;
        while (at < bytes.length) {
            int first = bytes[at++] & 0xff;
            if (first < 0x80) continue;
            if (first < 0xc2 || first > 0xf4) return false;
            int end = at + (first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3);
            int least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
            int most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
            if (end > bytes.length || (bytes[at] & 0xff) < least || (bytes[at] & 0xff) > most) return false;
            for (at++; at < end; at++) if ((bytes[at] & 0xc0) != 0x80) return false;
        }
        return true;
    }

    @Override
    public String toString() {
        return error != null ? "no reply: " + error : "status " + status + " with " + body.length + " bytes";
    }
}
