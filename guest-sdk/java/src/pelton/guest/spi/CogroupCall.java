package pelton.guest.spi;

import java.util.List;
import pelton.guest.Context;
import pelton.guest.Emitter;

/** What a cogroup is given of a key. */
public abstract class CogroupCall {
    public abstract <K> K key(Shape<K> shape);

    public abstract <L> List<L> left(Shape<L> shape);

    public abstract <R> List<R> right(Shape<R> shape);

    public abstract <M> Emitter<M> emitter(Makes<M> makes);

    public abstract Context context();
}
