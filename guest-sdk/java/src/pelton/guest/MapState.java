package pelton.guest;

import java.util.Map;

/**
 * A map that the engine keeps for each key: rows found by a subkey, and gone through in its order. Reading costs what is read; what is changed
 * while it is gone through may be seen or not.
 */
public interface MapState<K, V> extends Iterable<Map.Entry<K, V>> {
    boolean isEmpty();

    @Nullable V get(K subkey);

    default V getOrDefault(K subkey, V otherwise) {
        V found = get(subkey);
        return found == null ? otherwise : found;
    }

    default boolean containsKey(K subkey) {
        return get(subkey) != null;
    }

    /** Puts a value in the place of the one that may be there, which is not read. */
    void put(K subkey, V value);

    /** Takes away what may be there, which is not read. */
    void remove(K subkey);

    /** In order of subkey from {@code from} to before {@code to}; null is no bound. */
    Iterable<Map.Entry<K, V>> range(@Nullable K from, @Nullable K to);

    /** The same, backward: what is last comes first. */
    Iterable<Map.Entry<K, V>> rangeReversed(@Nullable K from, @Nullable K to);

    void clear();
}
