package pelton.guest.spi;

/** A keyed operator. */
public abstract class KeyedOperator extends Operator {
    public abstract void process(KeyedCall call);

    /** What version {@code version} kept, as this one keeps it and {@link #write} writes it; null for nothing. */
    public abstract Object migrate(int version, In before);

    /** Writes what a key keeps. */
    public abstract void write(Object state, Out out);
}
