package pelton.guest;

/** What is kept for the key. Only keys whose state differs afterwards cost a write. */
public interface State<S> {
    /** Null if nothing is kept. */
    @Nullable S get();

    /** Keeps {@code value}; null keeps nothing any more. */
    void set(@Nullable S value);

    default boolean isEmpty() {
        return get() == null;
    }

    /** Keeps nothing any more. */
    default void clear() {
        set(null);
    }
}
