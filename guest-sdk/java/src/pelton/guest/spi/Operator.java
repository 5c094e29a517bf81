package pelton.guest.spi;

/** What the processor makes of an operator. */
public abstract class Operator {
    /** What it reads, makes and keeps, as JSON. */
    public abstract String definition();

    /** Takes the options, if there are any. */
    public abstract void open(In options);
}
