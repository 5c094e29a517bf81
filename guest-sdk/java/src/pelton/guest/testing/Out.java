package pelton.guest.testing;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import pelton.guest.Log;
import pelton.guest.Request;
import pelton.guest.spi.Sink;

/** What an operator made of what a test gave it. */
public final class Out {
    /** A row that was refused: its place among those that the call was given (of a cogroup left ones first), and why. */
    public record Rejected(int row, String reason) {}

    /** A line of the log. */
    public record Line(String level, String text) {}

    private final List<Object> made = new ArrayList<>();
    private final List<Integer> origins = new ArrayList<>();
    private final List<Rejected> rejected = new ArrayList<>();
    private final List<Request> requests = new ArrayList<>();
    private final List<Line> log = new ArrayList<>();
    private final Map<String, Long> counters = new TreeMap<>();
    private final Map<String, Double> gauges = new TreeMap<>();

    Out() {}

    /** The rows that were made, of all outputs, in their order; null for one that a filter lets pass. */
    public List<Object> made() {
        return made;
    }

    /** Those of one record: of one output. */
    public <M> List<M> made(Class<M> of) {
        return made.stream().filter(of::isInstance).map(of::cast).toList();
    }

    /** Of each row that was made the place of that it was made of; null if there is none. */
    public List<Integer> origins() {
        return origins;
    }

    public List<Rejected> rejected() {
        return rejected;
    }

    /** What an enrich operator asked for all rows, each different request once. */
    public List<Request> requests() {
        return requests;
    }

    /** What was logged by {@link Log}; {@code System.out} goes where it goes in every test. */
    public List<Line> log() {
        return log;
    }

    public Map<String, Long> counters() {
        return counters;
    }

    public Map<String, Double> gauges() {
        return gauges;
    }

    @Override
    public String toString() {
        return "made " + made + " of " + origins + ", rejected " + rejected;
    }

    /** Takes the rows of another. */
    void take(Out other) {
        made.addAll(other.made);
        origins.addAll(other.origins);
        rejected.addAll(other.rejected);
    }

    void emit(Object row, Integer origin) {
        made.add(row);
        origins.add(origin);
    }

    void reject(int row, String reason) {
        if (rejected.stream().noneMatch(one -> one.row() == row)) rejected.add(new Rejected(row, reason));
    }

    /** Takes rows made of row {@code origin}. */
    Sink sink(Integer origin) {
        return new Sink() {
            @Override
            public pelton.guest.spi.Out row(int port, Object row) {
                emit(row, origin);
                return new Cells();
            }
        };
    }

    /** Runs {@code call}, and notes what it logs and counts. */
    void recording(Runnable call) {
        Log.Taker before = Log.tell(new Log.Taker() {
            @Override
            public void log(String level, String line) {
                log.add(new Line(level, line));
            }

            @Override
            public void counter(String name, long delta) {
                counters.merge(name, delta, Long::sum);
            }

            @Override
            public void gauge(String name, double value) {
                gauges.put(name, value);
            }
        });
        try {
            call.run();
        } finally {
            Log.tell(before);
        }
    }
}
