package pelton.guest.spi;

/** A record between the author's code and columns. The processor writes one for each record. */
public abstract class Shape<R> {
    public abstract R read(In in);

    public abstract void write(R row, Out out);
}
