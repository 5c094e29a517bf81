package pelton.guest.spi;

/** A cogroup. */
public abstract class CogroupOperator extends Operator {
    public abstract void process(CogroupCall call);
}
