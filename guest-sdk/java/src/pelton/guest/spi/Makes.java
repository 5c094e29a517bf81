package pelton.guest.spi;

/** What an operator makes: a record, or one of several, each of an output. */
public abstract class Makes<M> {
    public abstract void put(M made, Sink sink);
}
