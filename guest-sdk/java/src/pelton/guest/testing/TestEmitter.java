package pelton.guest.testing;

import java.util.List;
import pelton.guest.Emitter;
import pelton.guest.spi.Makes;

/** Takes what a keyed operator or cogroup makes of a key. */
final class TestEmitter<M> implements Emitter<M> {
    private final Out out;
    private final Makes<M> makes;
    private final List<?> rows;

    /** {@code rows} are those of the key, of a cogroup left ones first. */
    TestEmitter(Out out, Makes<M> makes, List<?> rows) {
        this.out = out;
        this.makes = makes;
        this.rows = rows;
    }

    @Override
    public void emit(M made) {
        makes.put(made, out.sink(null));
    }

    @Override
    public void emit(M made, Object of) {
        makes.put(made, out.sink(TestContext.place(rows, of)));
    }

    @Override
    public void reject(Object row, String reason) {
        out.reject(TestContext.place(rows, row), reason);
    }
}
