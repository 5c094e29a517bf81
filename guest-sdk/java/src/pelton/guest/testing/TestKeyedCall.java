package pelton.guest.testing;

import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Set;
import pelton.guest.Context;
import pelton.guest.Emitter;
import pelton.guest.ListState;
import pelton.guest.MapState;
import pelton.guest.State;
import pelton.guest.Timers;
import pelton.guest.spi.KeyedCall;
import pelton.guest.spi.Makes;
import pelton.guest.spi.Shape;

/** A key of a test in an epoch. */
final class TestKeyedCall extends KeyedCall {
    private final Object key;
    private final Epochs.Kept kept;
    private final List<?> rows;
    private final List<Timers.Timer> due;
    private final boolean isExpiring;
    private final Out out;
    private final TestContext context;

    TestKeyedCall(Object key, Epochs.Kept kept, List<?> rows, List<Timers.Timer> due, boolean isExpiring, Out out, TestContext context) {
        this.key = key;
        this.kept = kept;
        this.rows = rows;
        this.due = due;
        this.isExpiring = isExpiring;
        this.out = out;
        this.context = context;
    }

    @Override
    @SuppressWarnings("unchecked")
    public <K> K key(Shape<K> shape) {
        return (K) key;
    }

    @Override
    @SuppressWarnings("unchecked")
    public <R> List<R> rows(Shape<R> shape) {
        return (List<R>) rows;
    }

    @Override
    public <S> State<S> state(Shape<S> shape) {
        return new State<>() {
            @Override
            public S get() {
                return kept.state == null ? null : kept.state.read(shape);
            }

            @Override
            public void set(S value) {
                kept.state = value == null ? null : Cells.of(shape, value);
                kept.value = value;
            }
        };
    }

    @Override
    public Timers timers() {
        Set<Integer> changed = new HashSet<>();
        return new Timers() {
            @Override
            public Iterable<Timer> due() {
                return () -> new Iterator<>() {
                    private final Iterator<Timer> left = due.iterator();
                    private Timer next;

                    @Override
                    public boolean hasNext() {
                        while (next == null && left.hasNext()) {
                            Timer timer = left.next();
                            if (!changed.contains(timer.id())) next = timer;
                        }
                        return next != null;
                    }

                    @Override
                    public Timer next() {
                        if (!hasNext()) throw new NoSuchElementException();
                        Timer timer = next;
                        next = null;
                        return timer;
                    }
                };
            }

            @Override
            public void set(int id, long at) {
                changed.add(id);
                kept.timers.put(id, new Timer(id, at, false));
            }

            @Override
            public void setProcessing(int id, long at) {
                changed.add(id);
                kept.timers.put(id, new Timer(id, at, true));
            }

            @Override
            public void clear(int id) {
                changed.add(id);
                kept.timers.remove(id);
            }

            @Override
            public boolean expiring() {
                return isExpiring;
            }
        };
    }

    @Override
    public <M> Emitter<M> emitter(Makes<M> makes) {
        return new TestEmitter<>(out, makes, rows);
    }

    @Override
    public <T> ListState<T> list(String name, Shape<T> shape) {
        return new TestList<>((TestTable.OfList) kept.tables.computeIfAbsent(name, of -> new TestTable.OfList(shape)), shape);
    }

    @Override
    public <K, V> MapState<K, V> map(String name, Shape<K> keys, Shape<V> values) {
        return new TestMap<>((TestTable.OfMap) kept.tables.computeIfAbsent(name, of -> new TestTable.OfMap(keys, values)), keys, values);
    }

    @Override
    public Context context() {
        return context;
    }
}
