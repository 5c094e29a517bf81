package pelton.guest.testing;

import java.util.List;
import pelton.guest.Context;
import pelton.guest.Emitter;
import pelton.guest.spi.CogroupCall;
import pelton.guest.spi.Makes;
import pelton.guest.spi.Shape;

/** A key of a test, with its rows on both sides. */
final class TestCogroupCall extends CogroupCall {
    private final Object key;
    private final List<?> left;
    private final List<?> right;
    private final Out out;
    private final TestContext context;

    TestCogroupCall(Object key, List<?> left, List<?> right, Out out, TestContext context) {
        this.key = key;
        this.left = left;
        this.right = right;
        this.out = out;
        this.context = context.among(Harness.both(left, right));
    }

    @Override
    @SuppressWarnings("unchecked")
    public <K> K key(Shape<K> shape) {
        return (K) key;
    }

    @Override
    @SuppressWarnings("unchecked")
    public <L> List<L> left(Shape<L> shape) {
        return (List<L>) left;
    }

    @Override
    @SuppressWarnings("unchecked")
    public <R> List<R> right(Shape<R> shape) {
        return (List<R>) right;
    }

    @Override
    public <M> Emitter<M> emitter(Makes<M> makes) {
        return new TestEmitter<>(out, makes, Harness.both(left, right));
    }

    @Override
    public Context context() {
        return context;
    }
}
