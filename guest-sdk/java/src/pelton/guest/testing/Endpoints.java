package pelton.guest.testing;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import pelton.guest.Reject;
import pelton.guest.Reply;
import pelton.guest.Request;
import pelton.guest.spi.Asked;
import pelton.guest.spi.EnrichOperator;

/** An enrich operator of a test, with a function in the place of the endpoints. */
final class Endpoints {
    private final EnrichOperator operator;
    private final Function<Request, Reply> replies;
    private final int retries;
    private final Map<Request, Reply> told = new HashMap<>();

    Endpoints(EnrichOperator operator, Function<Request, Reply> replies, int retries) {
        if (replies == null) throw new IllegalStateException("the operator asks endpoints: say what they reply by `.replies(…)`");
        this.operator = operator;
        this.replies = replies;
        this.retries = retries;
    }

    /** Asks for rows, and again as the engine would: the requests whose replies are errors, or all if there are none such. */
    Out whole(List<?> rows, TestContext context) {
        Out out = new Out();
        out.recording(() -> {
            int[] wanted = ask(out, rows, context);
            tell(out.requests());
            for (int left = retries;; left--) {
                Out round = new Out();
                String why = answer(round, rows, context, out.requests(), wanted);
                if (why == null) {
                    out.take(round);
                    return;
                }
                if (left <= 0) throw new AssertionError("the operator wants to ask again: " + why);
                List<Request> failed = out.requests().stream().filter(request -> told.get(request).error() != null).toList();
                tell(failed.isEmpty() ? out.requests() : failed);
            }
        });
        return out;
    }

    /** One of the rows by itself, which is told what all of them were told. */
    Out alone(Object row, TestContext context) {
        Out out = new Out();
        int[] wanted = ask(out, List.of(row), context);
        for (Request request : out.requests()) {
            if (!told.containsKey(request)) throw new AssertionError("what is asked depends on how rows are cut into batches: by itself a row asks " + request);
        }
        answer(out, List.of(row), context, out.requests(), wanted);
        return out;
    }

    private int[] ask(Out out, List<?> rows, TestContext context) {
        Asked asked = new Asked();
        int[] wanted = new int[rows.size()];
        for (int row = 0; row < wanted.length; row++) {
            try {
                wanted[row] = asked.by(operator, new RecordIn(rows.get(row)), context.at(row));
            } catch (NullColumn refused) {
                // Told with the answer.
                wanted[row] = Asked.NOTHING;
            }
        }
        out.requests().addAll(asked.requests());
        return wanted;
    }

    private void tell(List<Request> requests) {
        for (Request request : requests) told.put(request, Objects.requireNonNull(replies.apply(request), "the function of `.replies(…)` returned null"));
    }

    /** Why it is to be asked again; null if it is not. */
    private String answer(Out out, List<?> rows, TestContext context, List<Request> requests, int[] wanted) {
        List<Reply> given = requests.stream().map(request -> copy(told.get(request))).toList();
        for (int row = 0; row < wanted.length; row++) {
            Reply reply = wanted[row] == Asked.NOTHING ? null : given.get(wanted[row]);
            try {
                operator.answer(new RecordIn(rows.get(row)), reply, context.at(row), out.sink(row));
            } catch (NullColumn | Reject refused) {
                out.reject(row, refused.getMessage());
            }
        }
        return given.stream().map(Reply::wantsAgain).filter(Objects::nonNull).findFirst().orElse(null);
    }

    /** A reply as it comes to each round. */
    private static Reply copy(Reply reply) {
        if (reply.error() != null) return Reply.none(reply.error());
        Reply copy = Reply.of(reply.status(), reply.body());
        for (Request.Header header : reply.headers()) copy = copy.header(header.name(), header.value());
        return copy;
    }
}
