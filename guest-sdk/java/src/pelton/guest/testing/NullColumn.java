package pelton.guest.testing;

/** A row has a null where its record takes none. */
final class NullColumn extends RuntimeException {
    private static final long serialVersionUID = 1;

    NullColumn(String column) {
        super("`" + column + "` is null");
    }
}
