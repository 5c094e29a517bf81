package pelton.guest.js;

import java.util.Iterator;
import java.util.Map;
import org.teavm.jso.JSBody;
import org.teavm.jso.JSObject;
import pelton.guest.MapState;
import pelton.guest.spi.Shape;

/** A map of `tables.ts`. */
final class JsMap<K, V> implements MapState<K, V> {
    private final JSObject map;
    private final Shape<K> keys;
    private final Shape<V> values;
    private final ObjectIn keyIn;
    private final ObjectOut keyOut;
    private final ObjectIn valueIn;
    private final ObjectOut valueOut;

    JsMap(JSObject map, JSObject keyNames, JSObject valueNames, Shape<K> keys, Shape<V> values) {
        this.map = map;
        this.keys = keys;
        this.values = values;
        keyIn = new ObjectIn(keyNames);
        keyOut = new ObjectOut(keyNames);
        valueIn = new ObjectIn(valueNames);
        valueOut = new ObjectOut(valueNames);
    }

    private JSObject subkey(K subkey) {
        keyOut.begin();
        keys.write(subkey, keyOut);
        return keyOut.made();
    }

    @Override
    public boolean isEmpty() {
        return isEmpty(map);
    }

    @Override
    public V get(K subkey) {
        JSObject found = get(map, subkey(subkey));
        return Js.length(found) == 0 ? null : values.read(valueIn.of(Js.at(found, 0)));
    }

    @Override
    public void put(K subkey, V value) {
        valueOut.begin();
        values.write(value, valueOut);
        set(map, subkey(subkey), valueOut.made());
    }

    @Override
    public void remove(K subkey) {
        delete(map, subkey(subkey));
    }

    @Override
    public Iterator<Map.Entry<K, V>> iterator() {
        return range(null, null, false);
    }

    @Override
    public Iterable<Map.Entry<K, V>> range(K from, K to) {
        return () -> range(from, to, false);
    }

    @Override
    public Iterable<Map.Entry<K, V>> rangeReversed(K from, K to) {
        return () -> range(from, to, true);
    }

    private Iterator<Map.Entry<K, V>> range(K from, K to, boolean isReverse) {
        JSObject range = Js.object();
        if (from != null) from(range, subkey(from));
        if (to != null) to(range, subkey(to));
        JSObject entries = entries(map, range, isReverse);
        return new JsIterator<>(entries, entry -> Map.entry(keys.read(keyIn.of(Js.at(entry, 0))), values.read(valueIn.of(Js.at(entry, 1)))));
    }

    @Override
    public void clear() {
        clear(map);
    }

    @JSBody(params = "map", script = "return map.isEmpty;")
    private static native boolean isEmpty(JSObject map);

    @JSBody(params = {"map", "subkey"}, script = "var found = map.get(subkey); return found === undefined ? [] : [found];")
    private static native JSObject get(JSObject map, JSObject subkey);

    @JSBody(params = {"map", "subkey", "value"}, script = "map.set(subkey, value);")
    private static native void set(JSObject map, JSObject subkey, JSObject value);

    @JSBody(params = {"map", "subkey"}, script = "map['delete'](subkey);")
    private static native void delete(JSObject map, JSObject subkey);

    @JSBody(params = {"range", "subkey"}, script = "range.from = subkey;")
    private static native void from(JSObject range, JSObject subkey);

    @JSBody(params = {"range", "subkey"}, script = "range.to = subkey;")
    private static native void to(JSObject range, JSObject subkey);

    @JSBody(params = {"map", "range", "reverse"}, script = "range.reverse = reverse; return map.entries(range)[Symbol.iterator]();")
    private static native JSObject entries(JSObject map, JSObject range, boolean reverse);

    @JSBody(params = "map", script = "map.clear();")
    private static native void clear(JSObject map);
}
