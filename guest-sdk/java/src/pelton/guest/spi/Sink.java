package pelton.guest.spi;

/** Takes rows that are made. */
public abstract class Sink {
    /** Begins the row {@code made} of an output; what it holds is said to the answer before the next begins. Null if there is nothing to say. */
    public abstract Out row(int port, Object made);
}
