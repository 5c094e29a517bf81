package pelton.guest.testing;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.IntFunction;
import pelton.guest.Reject;
import pelton.guest.Reply;
import pelton.guest.Request;
import pelton.guest.Window;
import pelton.guest.spi.AggregateOperator;
import pelton.guest.spi.CogroupOperator;
import pelton.guest.spi.EnrichOperator;
import pelton.guest.spi.In;
import pelton.guest.spi.KeyedOperator;
import pelton.guest.spi.Operator;
import pelton.guest.spi.TransformOperator;

/**
 * Runs an operator on the JVM, without an engine and without WebAssembly, by the code that the processor wrote for the module:
 *
 * <pre>{@code
 * Out out = Harness.of(ToEuro.class).options(new ToEuro.Rates(0.5, 100)).run(new ToEuro.Bid(99), new ToEuro.Bid(300));
 * assertEquals(List.of(new ToEuro.Priced(150)), out.made());
 * }</pre>
 *
 * {@link #run} is for transforms, and with {@link #replies} for enrich operators, {@link #fold} for aggregates, {@link #start} for keyed operators, {@link #join} for cogroups.
 */
public final class Harness {
    private final Class<?> author;
    private final Map<String, Object[]> tables = new LinkedHashMap<>();
    private Object options;
    private long now;
    private long watermark = Long.MIN_VALUE;
    private long seed;
    private long firstRow;
    private Function<Request, Reply> replies;
    private int retries = 3;

    private Harness(Class<?> author) {
        this.author = author;
    }

    /** The operator of the class that has its methods. */
    public static Harness of(Class<?> author) {
        return new Harness(author);
    }

    /** The options, a record with {@code @Options}. */
    public Harness options(Object record) {
        options = record;
        return this;
    }

    /** The rows of a side table, by the name that the job would have for it. */
    public Harness table(String name, Object... rows) {
        tables.put(name, rows);
        return this;
    }

    /** The epoch's processing time, in microseconds since 1970. */
    public Harness now(long micros) {
        now = micros;
        return this;
    }

    public Harness watermark(long micros) {
        watermark = micros;
        return this;
    }

    public Harness seed(long number) {
        seed = number;
        return this;
    }

    /** The number of the first row. */
    public Harness firstRow(long number) {
        firstRow = number;
        return this;
    }

    /** What endpoints reply to each request of an enrich operator. Equal requests of a batch are sent once. */
    public Harness replies(Function<Request, Reply> function) {
        replies = function;
        return this;
    }

    /** How often the batch may be asked again because of {@code reply.again(…)}; 3 times otherwise. */
    public Harness retries(int times) {
        retries = times;
        return this;
    }

    /** Runs a transform or an enrich operator over rows, and over each of them by itself: the answers must be the same. */
    public Out run(Object... rows) {
        if (opened(Operator.class) instanceof EnrichOperator enrich) {
            Endpoints endpoints = new Endpoints(enrich, replies, retries);
            Out whole = endpoints.whole(List.of(rows), context(0));
            return checked(whole, rows, row -> endpoints.alone(rows[row], context(row)));
        }
        return checked(transform(List.of(rows), 0), rows, row -> transform(List.of(rows[row]), row));
    }

    private TestContext context(int first) {
        return new TestContext(1, now, watermark, seed, firstRow + first);
    }

    /** Fails if rows by themselves come to something else. */
    private static Out checked(Out whole, Object[] rows, IntFunction<Out> alone) {
        List<Object> made = new ArrayList<>();
        List<Out.Rejected> rejected = new ArrayList<>();
        Set<Request> requests = new LinkedHashSet<>();
        for (int row = 0; row < rows.length; row++) {
            Out one = alone.apply(row);
            requests.addAll(one.requests());
            made.addAll(one.made());
            for (Out.Rejected of : one.rejected()) rejected.add(new Out.Rejected(row, of.reason()));
        }
        same("what is asked depends on how rows are cut into batches", whole.requests(), List.copyOf(requests));
        same("the answer depends on how rows are cut into batches", List.of(whole.made(), whole.rejected()), List.of(made, rejected));
        return whole;
    }

    private Out transform(List<?> rows, int first) {
        TransformOperator operator = opened(TransformOperator.class);
        if (operator.isWhole()) throw new IllegalStateException("a transform of whole columns is tested by golden cases: `pelton test`");
        loadTables(operator);
        Out out = new Out();
        TestContext context = context(first);
        out.recording(() -> {
            for (int row = 0; row < rows.size(); row++) {
                try {
                    operator.row(new RecordIn(rows.get(row)), context.at(row), out.sink(row));
                } catch (NullColumn | Reject refused) {
                    out.reject(row, refused.getMessage());
                }
            }
        });
        return out;
    }

    private void loadTables(TransformOperator operator) {
        List<String> names = Definitions.lookups(operator.definition());
        for (int at = 0; at < names.size(); at++) {
            Object[] rows = tables.get(names.get(at));
            if (rows == null) throw new IllegalStateException("the operator looks up in the table `" + names.get(at) + "`: give its rows by `.table(…)`");
            List<Object> read = new ArrayList<>();
            for (Object row : rows) read.add(operator.lookup(at).read(new RecordIn(row)));
            operator.load(at, read);
        }
    }

    /**
     * Folds rows into one group and finishes it. They are folded at once, and in parts that are merged, and rows after them are taken back if the
     * operator can: what is kept must be the same.
     */
    @SuppressWarnings("unchecked")
    public Out fold(Object... rows) {
        return folded(opened(AggregateOperator.class), rows);
    }

    private <S> Out folded(AggregateOperator<S> operator, Object[] rows) {
        Out out = new Out();
        out.recording(() -> {
            S whole = fold(operator, operator.zero(), rows, 0, rows.length);
            for (int cut = 0; cut <= rows.length; cut++) {
                S parts = operator.merge(fold(operator, operator.zero(), rows, 0, cut), fold(operator, operator.zero(), rows, cut, rows.length));
                same("what is kept depends on the parts in which rows are folded, here before row " + cut, kept(operator, whole), kept(operator, parts));
            }
            if (Definitions.retracts(operator.definition())) {
                for (int cut = 0; cut < rows.length; cut++) {
                    S state = whole;
                    for (int row = cut; row < rows.length; row++) state = change(operator, state, rows[row], row, true);
                    S never = fold(operator, operator.zero(), rows, 0, cut);
                    same("rows that are taken back, here from row " + cut + ", leave something", kept(operator, never), kept(operator, state));
                }
            }
            try {
                operator.finish(whole, new Window(Long.MIN_VALUE, Long.MAX_VALUE, Window.Pane.ON_TIME), out.sink(0));
            } catch (Reject refused) {
                out.reject(0, refused.getMessage());
            }
        });
        return out;
    }

    private <S> S fold(AggregateOperator<S> operator, S from, Object[] rows, int first, int end) {
        S state = from;
        for (int row = first; row < end; row++) state = change(operator, state, rows[row], row, false);
        return state;
    }

    private <S> S change(AggregateOperator<S> operator, S state, Object row, int number, boolean takesBack) {
        TestContext context = new TestContext(1, now, watermark, seed, firstRow).at(number);
        try {
            In in = new RecordIn(row);
            return takesBack ? operator.retract(state, in, context) : operator.add(state, in, context);
        } catch (NullColumn left) {
            // As SQL's aggregates do.
            return state;
        }
    }

    private static <S> Cells kept(AggregateOperator<S> operator, S state) {
        return Cells.of(operator.state(), state);
    }

    /** A keyed operator, before its first epoch. */
    public Epochs start() {
        return new Epochs(opened(KeyedOperator.class), new TestContext(0, now, watermark, seed, firstRow));
    }

    /** What a keyed operator makes of the state that version {@code version} kept; null if it drops it. Throws what the operator does. */
    public Object migrate(int version, Object before) {
        return opened(KeyedOperator.class).migrate(version, new RecordIn(before));
    }

    /** Calls a cogroup for one key; a key that it does not look at may be anything. */
    public Out join(Object key, List<?> left, List<?> right) {
        CogroupOperator operator = opened(CogroupOperator.class);
        Out out = new Out();
        TestContext context = context(0);
        out.recording(() -> operator.process(new TestCogroupCall(key, left, right, out, context)));
        return out;
    }

    private <T extends Operator> T opened(Class<T> kind) {
        String name = author.getName();
        int cut = name.lastIndexOf('.') + 1;
        String written = name.substring(0, cut) + name.substring(cut).replace('$', '_') + "_Pelton";
        try {
            T operator = kind.cast(Class.forName(written, true, author.getClassLoader()).getConstructor().newInstance());
            operator.open(options == null ? new NoOptions() : new RecordIn(options));
            return operator;
        } catch (ReflectiveOperationException missing) {
            throw new IllegalArgumentException("`" + author.getSimpleName() + "` is no operator, or its processor did not run", missing);
        } catch (ClassCastException other) {
            throw new IllegalArgumentException("`" + author.getSimpleName() + "` is an operator of another kind", other);
        }
    }

    private static void same(String what, Object at, Object other) {
        if (!at.toString().equals(other.toString())) throw new AssertionError(what + ":\n  at once: " + at + "\n  else:    " + other);
    }

    static List<Object> both(List<?> left, List<?> right) {
        List<Object> both = new ArrayList<>(left);
        both.addAll(right);
        return both;
    }

}
