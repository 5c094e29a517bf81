package pelton.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import pelton.guest.testing.Harness;
import pelton.guest.testing.Out;

class TransformTest {
    static final class ToEuro {
        @Options
        record Rates(double rate, @Default("0") double min) {}

        record Bid(double price) {}

        record Priced(double euro) {}

        @Transform
        static Priced toEuro(Bid bid, Rates rates) {
            if (bid.price() < 0) throw new Reject("no price");
            Log.info("a bid");
            Log.counter("bids", 1);
            return bid.price() > rates.min() ? new Priced(bid.price() * rates.rate()) : null;
        }
    }

    @Test
    void rowsAreMappedLeftOutAndRejected() {
        Out out = Harness.of(ToEuro.class).options(new ToEuro.Rates(0.5, 100)).run(new ToEuro.Bid(99), new ToEuro.Bid(300), new ToEuro.Bid(-1));
        assertEquals(List.of(new ToEuro.Priced(150)), out.made());
        assertEquals(List.of(1), out.origins());
        assertEquals(List.of(new Out.Rejected(2, "no price")), out.rejected());
        assertEquals(List.of(new Out.Line("info", "a bid"), new Out.Line("info", "a bid")), out.log());
        assertEquals(Map.of("bids", 2L), out.counters());
    }

    @Test
    void optionsThatAreMissingAreAskedFor() {
        assertTrue(assertThrows(IllegalStateException.class, () -> Harness.of(ToEuro.class).run()).getMessage().contains(".options("));
    }

    static final class Long5 {
        record Word(String word, @Nullable String note) {}

        @Transform
        static boolean isLong(Word row) {
            return row.word().length() > 4;
        }
    }

    @Test
    void aFilterMakesNothingAndANullIsRejected() {
        Out out = Harness.of(Long5.class).run(new Long5.Word("short", null), new Long5.Word("two", "x"), new Long5.Word(null, null));
        assertEquals(List.of(0), out.origins());
        assertEquals(List.of(new Out.Rejected(2, "`word` is null")), out.rejected());
    }

    static final class Parts {
        record Line(String line) {}

        sealed interface Part {}

        record Word(String word) implements Part {}

        @Port("numbers")
        record Number(long n) implements Part {}

        @Transform
        static Stream<Part> parts(Line row) {
            return Stream.of(row.line().split(" ")).map(token -> token.matches("[0-9]+") ? new Number(Long.parseLong(token)) : new Word(token));
        }
    }

    @Test
    void aSealedInterfaceIsSeveralOutputs() {
        Out out = Harness.of(Parts.class).run(new Parts.Line("a 1"), new Parts.Line("2"));
        assertEquals(List.of(new Parts.Word("a")), out.made(Parts.Word.class));
        assertEquals(List.of(new Parts.Number(1), new Parts.Number(2)), out.made(Parts.Number.class));
        assertEquals(List.of(0, 0, 1), out.origins());
    }

    static final class Named {
        record Flight(String carrier) {}

        record Airline(String carrier, String name) {}

        record Name(String airline) {}

        @Lookup("all-airlines")
        static Map<String, String> airlines(List<Airline> rows) {
            Map<String, String> names = new HashMap<>();
            for (Airline row : rows) names.put(row.carrier(), row.name());
            return names;
        }

        @Transform
        static Name named(Map<String, String> airlines, Flight flight) {
            return airlines.containsKey(flight.carrier()) ? new Name(airlines.get(flight.carrier())) : null;
        }
    }

    @Test
    void aSideTableIsLookedUpIn() {
        Harness harness = Harness.of(Named.class).table("all-airlines", new Named.Airline("BA", "British Airways"));
        assertEquals(List.of(new Named.Name("British Airways")), harness.run(new Named.Flight("AF"), new Named.Flight("BA")).made());
        assertTrue(assertThrows(IllegalStateException.class, () -> Harness.of(Named.class).run()).getMessage().contains("`all-airlines`"));
    }

    static final class Asked {
        record Id(long id) {}

        record Told(long epoch, long now, long row, double first, double second, boolean hasWatermark) {}

        @Transform
        static Told told(Id id, Context context) {
            return new Told(context.epoch(), context.now(), context.row(), context.random(), context.random(), !context.watermark().equals(OptionalLong.empty()));
        }
    }

    @Test
    void theContextTellsOfTheRow() {
        Out out = Harness.of(Asked.class).seed(7).firstRow(100).now(5).run(new Asked.Id(1), new Asked.Id(2));
        // What every SDK draws for this seed and these rows.
        assertEquals(new Asked.Told(1, 5, 101, SECOND_ROW, SECOND_ROW_AGAIN, false), out.made().get(1));
    }

    private static final double SECOND_ROW = 0.15497934046916395;
    private static final double SECOND_ROW_AGAIN = 0.6512363482237182;

    static final class Forgets {
        record Id(long id) {}

        record Seen(long times) {}

        private static long times;

        @Transform
        static Seen seen(Id id) {
            return new Seen(times++);
        }
    }

    @Test
    void anAnswerThatDependsOnEarlierRowsFails() {
        AssertionError error = assertThrows(AssertionError.class, () -> Harness.of(Forgets.class).run(new Forgets.Id(1), new Forgets.Id(1)));
        assertTrue(error.getMessage().startsWith("the answer depends on how rows are cut into batches"));
    }

    static final class Hollow {
        record Id(long id) {}

        record Made(String text) {}

        @Transform
        static Made made(Id id) {
            return new Made(null);
        }
    }

    @Test
    void aNullWhereNoneMayBeFails() {
        assertThrows(NullPointerException.class, () -> Harness.of(Hollow.class).run(new Hollow.Id(1)));
    }
}
