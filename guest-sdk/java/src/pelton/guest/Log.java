package pelton.guest;

/** Lines for the job's log, where {@code System.out} and {@code System.err} go as well, and its metrics. */
public final class Log {
    /** Takes what is said: the engine, or a test. */
    public interface Taker {
        /** {@code level} is trace, debug, info, warn or error. */
        void log(String level, String line);

        void counter(String name, long delta);

        void gauge(String name, double value);
    }

    private static Taker taker;

    private Log() {}

    /** From now on {@code to} is told; null: nobody. Answers who was told before. */
    public static @Nullable Taker tell(@Nullable Taker to) {
        Taker before = taker;
        taker = to;
        return before;
    }

    public static void trace(String text) {
        line("trace", text);
    }

    public static void debug(String text) {
        line("debug", text);
    }

    public static void info(String text) {
        line("info", text);
    }

    public static void warn(String text) {
        line("warn", text);
    }

    public static void error(String text) {
        line("error", text);
    }

    /** Adds to the counter {@code operator.name} of the job's metrics. */
    public static void counter(String name, long delta) {
        if (taker != null) taker.counter(name, delta);
    }

    /** Sets the gauge {@code operator.name} of the job's metrics. */
    public static void gauge(String name, double value) {
        if (taker != null) taker.gauge(name, value);
    }

    private static void line(String level, String text) {
        if (taker != null) taker.log(level, text);
    }
}
