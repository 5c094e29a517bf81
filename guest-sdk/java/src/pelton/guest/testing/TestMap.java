package pelton.guest.testing;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import pelton.guest.MapState;
import pelton.guest.spi.Shape;

/** A map of a test. */
final class TestMap<K, V> implements MapState<K, V> {
    private final TreeMap<Cells, Cells> entries;
    private final Shape<K> keys;
    private final Shape<V> values;

    TestMap(TestTable.OfMap table, Shape<K> keys, Shape<V> values) {
        entries = table.entries();
        this.keys = keys;
        this.values = values;
    }

    @Override
    public boolean isEmpty() {
        return entries.isEmpty();
    }

    @Override
    public V get(K subkey) {
        Cells found = entries.get(Cells.of(keys, subkey));
        return found == null ? null : found.read(values);
    }

    @Override
    public void put(K subkey, V value) {
        entries.put(Cells.of(keys, subkey), Cells.of(values, value));
    }

    @Override
    public void remove(K subkey) {
        entries.remove(Cells.of(keys, subkey));
    }

    @Override
    public Iterator<Map.Entry<K, V>> iterator() {
        return range(null, null).iterator();
    }

    @Override
    public List<Map.Entry<K, V>> range(K from, K to) {
        List<Map.Entry<K, V>> read = new ArrayList<>();
        for (Map.Entry<Cells, Cells> entry : entries.entrySet()) {
            if (from != null && entry.getKey().compareTo(Cells.of(keys, from)) < 0) continue;
            if (to != null && entry.getKey().compareTo(Cells.of(keys, to)) >= 0) break;
            read.add(Map.entry(entry.getKey().read(keys), entry.getValue().read(values)));
        }
        return read;
    }

    @Override
    public Iterable<Map.Entry<K, V>> rangeReversed(K from, K to) {
        List<Map.Entry<K, V>> read = range(from, to);
        Collections.reverse(read);
        return read;
    }

    @Override
    public void clear() {
        entries.clear();
    }
}
