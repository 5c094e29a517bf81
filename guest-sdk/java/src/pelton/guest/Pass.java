package pelton.guest;

/** Which columns of the input leave, where no names are said. */
public final class Pass {
    public static final String ALL = "*all";
    public static final String NONE = "*none";
    /** Those of the operator's key. */
    public static final String KEY = "*key";

    private Pass() {}
}
