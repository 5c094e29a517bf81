package pelton.guest.js;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.teavm.jso.JSBody;
import org.teavm.jso.JSObject;
import pelton.guest.ListState;
import pelton.guest.spi.Shape;

/** A list of `tables.ts`. */
final class JsList<T> implements ListState<T> {
    private final JSObject list;
    private final Shape<T> shape;
    private final ObjectIn in;
    private final ObjectOut out;

    JsList(JSObject list, JSObject names, Shape<T> shape) {
        this.list = list;
        this.shape = shape;
        in = new ObjectIn(names);
        out = new ObjectOut(names);
    }

    private T read(JSObject element) {
        return shape.read(in.of(element));
    }

    private T found(JSObject list) {
        return Js.length(list) == 0 ? null : read(Js.at(list, 0));
    }

    @Override
    public int size() {
        return Js.length(list);
    }

    @Override
    public void add(T element) {
        out.begin();
        shape.write(element, out);
        push(list, out.made());
    }

    @Override
    public T removeFirst() {
        return found(shift(list));
    }

    @Override
    public T get(int position) {
        return position < 0 ? null : found(element(list, position));
    }

    @Override
    public T last() {
        return found(element(list, -1));
    }

    @Override
    public List<T> subList(int from, int to) {
        JSObject part = slice(list, from, to);
        List<T> elements = new ArrayList<>();
        for (int at = 0; at < Js.length(part); at++) elements.add(read(Js.at(part, at)));
        return elements;
    }

    @Override
    public Iterator<T> iterator() {
        return new JsIterator<>(all(list), this::read);
    }

    @Override
    public Iterable<T> reversed() {
        return () -> new JsIterator<>(backward(list), this::read);
    }

    @Override
    public void keepLast(int count) {
        keepLast(list, count);
    }

    @Override
    public void clear() {
        clear(list);
    }

    @JSBody(params = {"list", "element"}, script = "list.push(element);")
    private static native void push(JSObject list, JSObject element);

    @JSBody(params = "list", script = "var first = list.shift(); return first === undefined ? [] : [first];")
    private static native JSObject shift(JSObject list);

    @JSBody(params = {"list", "at"}, script = "var found = list.at(at); return found === undefined ? [] : [found];")
    private static native JSObject element(JSObject list, int at);

    @JSBody(params = {"list", "from", "to"}, script = "return list.slice(from, to);")
    private static native JSObject slice(JSObject list, int from, int to);

    @JSBody(params = "list", script = "return list[Symbol.iterator]();")
    private static native JSObject all(JSObject list);

    @JSBody(params = "list", script = "return list.reversed()[Symbol.iterator]();")
    private static native JSObject backward(JSObject list);

    @JSBody(params = {"list", "count"}, script = "list.keepLast(count);")
    private static native void keepLast(JSObject list, int count);

    @JSBody(params = "list", script = "list.clear();")
    private static native void clear(JSObject list);
}
