package pelton.guest.spi;

/** A keyed operator. */
public abstract class KeyedOperator extends Operator {
    public abstract void process(KeyedCall call);
}
