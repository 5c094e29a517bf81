package pelton.guest;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import pelton.guest.testing.Harness;
import pelton.guest.testing.Out;

class EnrichTest {
    @Enrich(drop = "weight")
    static final class Look {
        @Options
        record Limits(long limit, @Default("dictionary") String endpoint) {}

        record Line(String word, long weight) {}

        sealed interface Found {}

        record Told(String word, String text) implements Found {}

        @Port(passes = Pass.NONE)
        record Heavy(long row) implements Found {}

        static Request ask(Line line, Limits limits) {
            return Request.post(limits.endpoint(), "/words/" + Request.encode(line.word()), "what?").header("accept", "text/plain");
        }

        static List<Found> answer(Line line, Reply reply, Limits limits, Context context) {
            if (new String(reply.body(), StandardCharsets.UTF_8).equals("later")) throw reply.again("`" + line.word() + "` is not known yet");
            List<Found> found = new ArrayList<>(List.of(new Told(line.word(), reply.text())));
            if (line.weight() > limits.limit()) found.add(new Heavy(context.row()));
            return found;
        }
    }

    private static final Object[] LINES = {new Look.Line("a b", 1), new Look.Line(null, 2), new Look.Line("c", 30), new Look.Line("a b", 40)};

    private static Harness look(long limit) {
        return Harness.of(Look.class).options(new Look.Limits(limit, "dictionary"));
    }

    private static List<String> reasons(Out out) {
        return out.rejected().stream().map(Out.Rejected::reason).toList();
    }

    @Test
    void rowsAreToldWhatTheyAskedAndThoseThatAreNotShownAskNothing() {
        Out out = look(10).replies(request -> Reply.of(200, request.path())).run(LINES);
        assertEquals(List.of(new Look.Told("a b", "/words/a%20b"), new Look.Told("c", "/words/c"), new Look.Told("a b", "/words/a%20b")), out.made(Look.Told.class));
        assertEquals(List.of(new Look.Heavy(2), new Look.Heavy(3)), out.made(Look.Heavy.class));
        assertEquals(List.of(0, 2, 2, 3, 3), out.origins());
        assertEquals(List.of(new Out.Rejected(1, "`word` is null")), out.rejected());
    }

    @Test
    void eachDifferentRequestIsAskedOnce() {
        List<Request> told = new ArrayList<>();
        Harness harness = Harness.of(Look.class).options(new Look.Limits(10, "other")).replies(request -> {
            told.add(request);
            return Reply.of(200, "");
        });
        assertEquals(told, harness.run(LINES).requests());
        assertEquals(List.of("/words/a%20b", "/words/c"), told.stream().map(Request::path).toList());
        Request first = told.get(0);
        assertEquals(List.of("other", "POST"), List.of(first.endpoint(), first.method()));
        assertArrayEquals("what?".getBytes(StandardCharsets.UTF_8), first.body());
        assertEquals(List.of(new Request.Header("accept", "text/plain")), first.headers());
    }

    @Test
    void whatWentWrongRejectsTheRowsThatWaitForIt() {
        Out out = look(10).replies(request -> request.path().equals("/words/c") ? Reply.of(500, "") : Reply.none("refused")).run(LINES);
        assertEquals(List.of("refused", "`word` is null", "status 500", "refused"), reasons(out));
        int[][] wrong = {{0xff}, {0xc3}, {0xc0, 0x80}, {0xe0, 0x80, 0x80}, {0xed, 0xa0, 0x80}, {0xf4, 0x90, 0x80, 0x80}, {0x61, 0x80}, {0xe2, 0x82, 0x41}};
        for (int[] bytes : wrong) {
            byte[] body = new byte[bytes.length];
            for (int at = 0; at < body.length; at++) body[at] = (byte) bytes[at];
            assertEquals("the reply is not UTF-8", reasons(look(10).replies(request -> Reply.of(200, body)).run(LINES)).get(0));
        }
        String text = "é€🦀\uffff\ud7ff\ue000";
        assertEquals(new Look.Told("c", text), look(100).replies(request -> Reply.of(200, text)).run(LINES[2]).made().get(0));
    }

    @Test
    void aBatchMayBeAskedAgain() {
        List<String> asked = new ArrayList<>();
        Harness harness = look(100).replies(request -> {
            asked.add(request.path());
            return Reply.of(200, asked.size() < 4 ? "later" : "now");
        });
        assertEquals(new Look.Told("c", "now"), harness.run(LINES).made().get(1));
        assertEquals(6, asked.size(), "two requests, three times");
        Harness later = look(10).replies(request -> Reply.of(200, "later")).retries(1);
        assertEquals("the operator wants to ask again: `a b` is not known yet", assertThrows(AssertionError.class, () -> later.run(LINES)).getMessage());
    }

    @Enrich
    static final class Patient {
        record Id(long id) {}

        static Request ask(Id id) {
            return Request.get("slow", "/").query("n", id.id());
        }

        static boolean answer(Id id, Reply reply) {
            if (reply.error() != null) throw reply.again(reply.error());
            return reply.isOk();
        }
    }

    @Test
    void onlyWhatFailedIsAskedAgainAndAFilterMakesNothing() {
        List<String> asked = new ArrayList<>();
        Out out = Harness.of(Patient.class).replies(request -> {
            asked.add(request.path());
            return asked.size() == 2 ? Reply.none("refused") : Reply.of(request.path().equals("/?n=2") ? 204 : 404, "");
        }).run(new Patient.Id(1), new Patient.Id(2));
        assertEquals(List.of(1), out.origins());
        assertEquals(List.of("/?n=1", "/?n=2", "/?n=2"), asked);
        String missing = assertThrows(IllegalStateException.class, () -> Harness.of(Patient.class).run(new Patient.Id(1))).getMessage();
        assertTrue(missing.contains(".replies("), missing);
    }

    @Enrich
    static final class InEuro {
        record Bid(String currency, double price) {}

        record Priced(double euro) {}

        static Request ask(Bid bid) {
            return bid.currency().equals("EUR") ? null : Request.get("rates", "/latest").query("of", bid.currency());
        }

        static Priced answer(Bid bid, Reply reply) {
            if (reply != null && reply.status() == 404) return null;
            return new Priced(reply == null ? bid.price() : bid.price() * Double.parseDouble(reply.text()));
        }
    }

    @Test
    void aRowMayNeedNothing() {
        Out out = Harness.of(InEuro.class).replies(request -> request.path().contains("%") ? Reply.of(200, "0.5") : Reply.of(404, ""))
            .run(new InEuro.Bid("EUR", 3), new InEuro.Bid("é€", 8), new InEuro.Bid("XXX", 1));
        assertEquals(List.of(new InEuro.Priced(3), new InEuro.Priced(4)), out.made());
        assertEquals(List.of(Request.get("rates", "/latest?of=%C3%A9%E2%82%AC"), Request.get("rates", "/latest?of=XXX")), out.requests());
    }

    @Test
    void textIsEncodedButForWhatIsUnreserved() {
        assertEquals("AZaz09-_.~", Request.encode("AZaz09-_.~"));
        assertEquals("a%2Fb%20c%3F%26%3D%25%2B%21%27%28%29%2A%0A", Request.encode("a/b c?&=%+!'()*\n"));
        assertEquals("%C3%A9%E2%82%AC%F0%9F%A6%80", Request.encode("é€🦀"));
        assertEquals("/p?x&a%20b=%C3%BC", Request.get("r", "/p?x").query("a b", "ü").path());
    }

    @Test
    void requestsAreTheSameByWhatTheyAsk() {
        Request one = Request.post("r", "/", "a").header("n", "v");
        assertEquals(Request.post("r", "/", new byte[] {'a'}).header("n", "v"), one);
        assertEquals(Request.post("r", "/", "a").header("n", "v").hashCode(), one.hashCode());
        for (Request other : List.of(Request.post("r", "/", "b").header("n", "v"), Request.post("r", "/", "a"), Request.get("r", "/"), Request.post("s", "/", "a").header("n", "v"))) {
            assertFalse(one.equals(other), other.toString());
        }
        assertEquals("the path of a request is null", assertThrows(NullPointerException.class, () -> Request.get("r", null)).getMessage());
        assertEquals("the body of a request is null", assertThrows(NullPointerException.class, () -> Request.post("r", "/", (String) null)).getMessage());
    }

    @Test
    void headersOfAReplyHaveNoCase() {
        Reply reply = Reply.of(204, "").header("X-Left", "7");
        assertEquals("7", reply.header("x-left"));
        assertNull(reply.header("x-right"));
        assertTrue(reply.isOk() && !Reply.of(304, "").isOk() && !Reply.none("gone").isOk());
    }

    @Enrich
    static final class Wrongly {
        record Word(String word) {}

        private static int asked;

        static Request ask(Word word) {
            if (word.word().equals("reject")) throw new Reject("no word");
            return Request.get("words", "/" + ++asked);
        }

        static boolean answer(Word word, Reply reply) {
            return true;
        }
    }

    @Test
    void askCannotRejectAndKeepsNothing() {
        Harness harness = Harness.of(Wrongly.class).replies(request -> Reply.of(200, ""));
        String told = assertThrows(IllegalStateException.class, () -> harness.run(new Wrongly.Word("reject"))).getMessage();
        assertEquals("`ask` rejects a row (no word): it returns null instead, and `answer` rejects the row", told);
        String kept = assertThrows(AssertionError.class, () -> harness.run(new Wrongly.Word("a"), new Wrongly.Word("b"))).getMessage();
        assertTrue(kept.startsWith("what is asked depends on how rows are cut into batches: by itself a row asks GET words /"), kept);
    }
}
