package pelton.guest.js;

import java.util.Iterator;
import java.util.NoSuchElementException;
import org.teavm.jso.JSBody;
import org.teavm.jso.JSObject;

/** An iterator of JavaScript's, which reads as far as it is taken. */
final class JsIterator<T> implements Iterator<T> {
    private final JSObject iterator;
    private final Of<T> of;
    private JSObject ahead;
    private boolean isRead;

    /** What a value of JavaScript's is in Java. */
    interface Of<T> {
        T of(JSObject value);
    }

    JsIterator(JSObject iterator, Of<T> of) {
        this.iterator = iterator;
        this.of = of;
    }

    @Override
    public boolean hasNext() {
        if (!isRead) ahead = next(iterator);
        isRead = true;
        return !isDone(ahead);
    }

    @Override
    public T next() {
        if (!hasNext()) throw new NoSuchElementException();
        isRead = false;
        return of.of(value(ahead));
    }

    @JSBody(params = "iterator", script = "return iterator.next();")
    private static native JSObject next(JSObject iterator);

    @JSBody(params = "step", script = "return step.done === true;")
    private static native boolean isDone(JSObject step);

    @JSBody(params = "step", script = "return step.value;")
    private static native JSObject value(JSObject step);
}
