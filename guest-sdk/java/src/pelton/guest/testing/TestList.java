package pelton.guest.testing;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import pelton.guest.ListState;
import pelton.guest.spi.Shape;

/** A list of a test. */
final class TestList<T> implements ListState<T> {
    private final List<Cells> elements;
    private final Shape<T> shape;

    TestList(TestTable.OfList table, Shape<T> shape) {
        elements = table.elements();
        this.shape = shape;
    }

    private List<T> read(int from, int to) {
        List<T> read = new ArrayList<>();
        for (Cells element : elements.subList(Math.min(from, elements.size()), Math.min(to, elements.size()))) read.add(element.read(shape));
        return read;
    }

    @Override
    public int size() {
        return elements.size();
    }

    @Override
    public void add(T element) {
        elements.add(Cells.of(shape, element));
    }

    @Override
    public T removeFirst() {
        return elements.isEmpty() ? null : elements.remove(0).read(shape);
    }

    @Override
    public T get(int position) {
        return position < 0 || position >= elements.size() ? null : elements.get(position).read(shape);
    }

    @Override
    public T last() {
        return get(elements.size() - 1);
    }

    @Override
    public List<T> subList(int from, int to) {
        return read(from, to);
    }

    @Override
    public Iterator<T> iterator() {
        return read(0, elements.size()).iterator();
    }

    @Override
    public Iterable<T> reversed() {
        List<T> all = read(0, elements.size());
        Collections.reverse(all);
        return all;
    }

    @Override
    public void keepLast(int count) {
        while (elements.size() > count) elements.remove(0);
    }

    @Override
    public void clear() {
        elements.clear();
    }
}
