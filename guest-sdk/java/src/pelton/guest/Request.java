package pelton.guest;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * A request to an endpoint, by the name that the job file gives it. The engine adds the endpoint's URL and secrets, and sends it:
 *
 * <pre>{@code
 * Request.get("rates", "/latest/" + Request.encode(currency)).query("base", "EUR").header("accept", "text/plain")
 * }</pre>
 *
 * It may be sent more than once: it should ask, and change nothing.
 */
public final class Request {
    /** A header. */
    public record Header(String name, String value) {}

    private static final String HEX = "0123456789ABCDEF";

    private final String endpoint;
    private final String method;
    private final String path;
    private final List<Header> headers;
    private final byte[] body;

    private Request(String endpoint, String method, String path, List<Header> headers, byte[] body) {
        this.endpoint = Objects.requireNonNull(endpoint, "the endpoint of a request is null");
        this.method = method;
        this.path = Objects.requireNonNull(path, "the path of a request is null");
        this.headers = headers;
        this.body = Objects.requireNonNull(body, "the body of a request is null");
    }

    /** Asks for what is at {@code path}, which is appended to the endpoint's URL. Parts of it that come from rows go through {@link #encode}. */
    public static Request get(String endpoint, String path) {
        return new Request(endpoint, "GET", path, List.of(), new byte[0]);
    }

    /** Asks by {@code body}, at {@code path}. */
    public static Request post(String endpoint, String path, String body) {
        return post(endpoint, path, body == null ? null : body.getBytes(StandardCharsets.UTF_8));
    }

    public static Request post(String endpoint, String path, byte[] body) {
        return new Request(endpoint, "POST", path, List.of(), body == null ? null : body.clone());
    }

    /** With {@code name=value} appended to the query, encoded. */
    public Request query(String name, String value) {
        String sign = path.indexOf('?') >= 0 ? "&" : "?";
        return new Request(endpoint, method, path + sign + encode(name) + "=" + encode(value), headers, body);
    }

    public Request query(String name, long value) {
        return query(name, Long.toString(value));
    }

    /** With a header. Those that the job file sets, and those that say how the request is sent, are not a module's to set. */
    public Request header(String name, String value) {
        return new Request(endpoint, method, path, with(headers, name, value), body);
    }

    static List<Header> with(List<Header> headers, String name, String value) {
        List<Header> more = new ArrayList<>(headers);
        Objects.requireNonNull(name, "the name of a header is null");
        more.add(new Header(name, Objects.requireNonNull(value, "the value of a header is null")));
        return List.copyOf(more);
    }

    /**
     * Text as it may stand within a segment of a path: all but letters, digits, {@code -}, {@code _}, {@code .} and {@code ~} becomes {@code %41}.
     * The engine refuses a segment that is {@code .} or {@code ..}, however it is written: a row that may have one asks nothing.
     */
    public static String encode(String text) {
        StringBuilder encoded = new StringBuilder();
        for (byte one : text.getBytes(StandardCharsets.UTF_8)) {
            boolean isLetter = one >= 'a' && one <= 'z' || one >= 'A' && one <= 'Z';
            boolean isKept = isLetter || one >= '0' && one <= '9' || one == '-' || one == '_' || one == '.' || one == '~';
            if (isKept) encoded.append((char) one);
            else encoded.append('%').append(HEX.charAt(one >> 4 & 15)).append(HEX.charAt(one & 15));
        }
        return encoded.toString();
    }

    public String endpoint() {
        return endpoint;
    }

    /** {@code GET} or {@code POST}. */
    public String method() {
        return method;
    }

    /** With the query. */
    public String path() {
        return path;
    }

    public List<Header> headers() {
        return headers;
    }

    public byte[] body() {
        return body.clone();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Request of && endpoint.equals(of.endpoint) && method.equals(of.method) && path.equals(of.path)
            && headers.equals(of.headers) && Arrays.equals(body, of.body);
    }

    @Override
    public int hashCode() {
        return 31 * (31 * path.hashCode() + endpoint.hashCode()) + Arrays.hashCode(body);
    }

    @Override
    public String toString() {
        return method + " " + endpoint + " " + path + (headers.isEmpty() ? "" : " " + headers) + (body.length == 0 ? "" : " with " + body.length + " bytes");
    }
}
