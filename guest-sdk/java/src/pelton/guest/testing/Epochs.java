package pelton.guest.testing;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import pelton.guest.Timers.Timer;
import pelton.guest.spi.KeyedOperator;

/** A keyed operator, epoch after epoch. What it keeps is written and read as the engine has it. */
public final class Epochs {
    /** What is kept of a key. */
    static final class Kept {
        Cells state;
        Object value;
        /** By number. */
        final Map<Integer, Timer> timers = new LinkedHashMap<>();
        final Map<String, TestTable> tables = new LinkedHashMap<>();
    }

    private final KeyedOperator operator;
    private final Map<Object, Kept> keys = new LinkedHashMap<>();
    private TestContext last;
    private long rows;

    Epochs(KeyedOperator operator, TestContext start) {
        this.operator = operator;
        last = start;
    }

    /** An epoch with rows of one key, and with what is due of others. */
    public Out rows(Object key, Object... given) {
        return epoch(last.now, last.watermark, key, List.of(given));
    }

    /** An epoch in which the watermark has come to a time, in microseconds since 1970. */
    public Out watermark(long micros) {
        return epoch(last.now, micros, null, List.of());
    }

    /** An epoch at a processing time. */
    public Out now(long micros) {
        return epoch(micros, last.watermark, null, List.of());
    }

    /** An epoch in which the key has come to the end of its time to live. */
    public Out expire(Object key) {
        Out out = new Out();
        Kept kept = keys.remove(key);
        if (kept != null) call(key, kept, List.of(), true, out);
        return out;
    }

    /** What is kept of a key; null if nothing is. */
    public Object state(Object key) {
        Kept kept = keys.get(key);
        return kept == null ? null : kept.value;
    }

    /** The timers of a key, in order of their numbers. */
    public List<Timer> timers(Object key) {
        Kept kept = keys.get(key);
        return kept == null ? List.of() : kept.timers.values().stream().sorted((a, b) -> Integer.compare(a.id(), b.id())).toList();
    }

    /** What a list or map of a key has: elements, or entries. */
    public List<?> table(String name, Object key) {
        Kept kept = keys.get(key);
        TestTable table = kept == null ? null : kept.tables.get(name);
        return table == null ? List.of() : table.shown();
    }

    private Out epoch(long now, long watermark, Object key, List<?> given) {
        last = new TestContext(last.epoch + 1, now, watermark, 0, rows);
        rows += given.size();
        Out out = new Out();
        if (!given.isEmpty()) keys.computeIfAbsent(key, of -> new Kept());
        for (Object one : new ArrayList<>(keys.keySet())) {
            Kept kept = keys.get(one);
            boolean hasRows = one.equals(key) && !given.isEmpty();
            if (hasRows || !due(kept).isEmpty()) call(one, kept, hasRows ? given : List.of(), false, out);
        }
        return out;
    }

    private List<Timer> due(Kept kept) {
        return kept.timers.values().stream()
            .filter(timer -> timer.at() <= (timer.isProcessing() ? last.now : last.watermark))
            .sorted((a, b) -> Long.compare(a.at(), b.at())).toList();
    }

    private void call(Object key, Kept kept, List<?> given, boolean isExpiring, Out out) {
        List<Timer> due = due(kept);
        for (Timer timer : due) kept.timers.remove(timer.id());
        out.recording(() -> operator.process(new TestKeyedCall(key, kept, given, due, isExpiring, out, last.among(given))));
    }
}
