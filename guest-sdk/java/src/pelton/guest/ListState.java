package pelton.guest;

import java.util.List;

/**
 * A list that the engine keeps for each key: appended to at its end, taken from at its front, read anywhere. Reading costs what is read.
 */
public interface ListState<T> extends Iterable<T> {
    int size();

    default boolean isEmpty() {
        return first() == null;
    }

    void add(T element);

    /** Takes the first element away; null if there is none. */
    @Nullable T removeFirst();

    /** The element at a position; null if there is none. The first and the last cost one. */
    @Nullable T get(int position);

    default @Nullable T first() {
        return get(0);
    }

    @Nullable T last();

    /** Elements from a position to before another, as far as there are. */
    List<T> subList(int from, int to);

    /** Begins at the last; reads as far as it is taken. */
    Iterable<T> reversed();

    /** Takes elements away from the front until at most so many are left. */
    void keepLast(int count);

    void clear();
}
