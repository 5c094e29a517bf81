package pelton.guest;

/** Refuses the row, which goes to {@code operator.rejected} with the reason. */
public final class Reject extends RuntimeException {
    private static final long serialVersionUID = 1;

    public Reject(String reason) {
        super(reason);
    }
}
