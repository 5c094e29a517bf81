package pelton.guest.spi;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import pelton.guest.Context;
import pelton.guest.Reject;
import pelton.guest.Request;

/** What the rows of a batch ask: each different request once, in the order in which they come first. */
public final class Asked {
    /** What a row waits for that waits for nothing; as a number without sign 4294967295. */
    public static final int NOTHING = -1;

    private final Map<Request, Integer> places = new LinkedHashMap<>();

    /** The number of the request that a row waits for. */
    public int by(EnrichOperator operator, In row, Context context) {
        Request request;
        try {
            request = operator.ask(row, context);
        } catch (Reject reject) {
            throw new IllegalStateException("`ask` rejects a row (" + reject.getMessage() + "): it returns null instead, and `answer` rejects the row");
        }
        if (request == null) return NOTHING;
        Integer known = places.get(request);
        if (known != null) return known;
        int next = places.size();
        places.put(request, next);
        return next;
    }

    public List<Request> requests() {
        return new ArrayList<>(places.keySet());
    }
}
