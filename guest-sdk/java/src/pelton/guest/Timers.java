package pelton.guest;

/** The timers of a key: a number of the module's own and a time in microseconds since 1970; a key has one of each number. */
public interface Timers {
    /** A timer that is due; the time now may be later. {@code isProcessing}: it waited for the epoch's processing time, not for the watermark. */
    record Timer(int id, long at, boolean isProcessing) {}

    /** The timers that are due, in order of time. One that this call has set again or cleared is not: what rows do comes first. */
    Iterable<Timer> due();

    /** Sets timer {@code id} to be due when the watermark reaches {@code at}; if that is past, in the next epoch. */
    void set(int id, long at);

    /** As {@code set}, for processing time: see {@link Context#now}. */
    void setProcessing(int id, long at);

    /** Clears timer {@code id}, if the key has it. */
    void clear(int id);

    /** Whether the key's time to live has ended: this is its last call, and its state is dropped after it. */
    boolean expiring();
}
