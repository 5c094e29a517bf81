package pelton.guest.spi;

import java.util.List;
import pelton.guest.Context;
import pelton.guest.Emitter;
import pelton.guest.ListState;
import pelton.guest.MapState;
import pelton.guest.State;
import pelton.guest.Timers;

/** What a keyed operator is given of a key. */
public abstract class KeyedCall {
    public abstract <K> K key(Shape<K> shape);

    public abstract <R> List<R> rows(Shape<R> shape);

    public abstract <S> State<S> state(Shape<S> shape);

    public abstract Timers timers();

    public abstract <M> Emitter<M> emitter(Makes<M> makes);

    public abstract <T> ListState<T> list(String name, Shape<T> shape);

    public abstract <K, V> MapState<K, V> map(String name, Shape<K> keys, Shape<V> values);

    public abstract Context context();
}
