package pelton.guest.js;

import org.teavm.jso.JSBody;

/**
 * Arithmetic as Java defines it, where JavaScript's is another: the build puts calls of these into the author's classes.
 */
public final class Exact {
    private static final double TWO_63 = 9.223372036854775807e18;

    private Exact() {}

    /** {@code value} as a float; what TeaVM calls one may have the digits of a double. */
    @JSBody(params = "value", script = "return Math.fround(value);")
    public static native float rounded(float value);

    @JSBody(params = "value", script = "return value | 0;")
    private static native int truncated(double value);

    /** Beyond the range of an int the nearest one, and zero for what is no number. */
    public static int toInt(double value) {
        if (value >= Integer.MAX_VALUE) return Integer.MAX_VALUE;
        if (value <= Integer.MIN_VALUE) return Integer.MIN_VALUE;
        return truncated(value);
    }

    @JSBody(params = "value", script = "return BigInt(Math.trunc(value));")
    private static native long big(double value);

    public static long toLong(double value) {
        if (value != value) return 0;
        if (value >= TWO_63) return Long.MAX_VALUE;
        if (value <= -TWO_63) return Long.MIN_VALUE;
        return big(value);
    }

    public static int divide(int left, int right) {
        if (right == 0) throw new ArithmeticException("/ by zero");
        return left / right;
    }

    public static int remainder(int left, int right) {
        if (right == 0) throw new ArithmeticException("/ by zero");
        return left % right;
    }

    public static long divide(long left, long right) {
        if (right == 0) throw new ArithmeticException("/ by zero");
        return left / right;
    }

    public static long remainder(long left, long right) {
        if (right == 0) throw new ArithmeticException("/ by zero");
        return left % right;
    }

    public static int round(float value) {
        return toInt(nearest(value));
    }

    public static long round(double value) {
        return toLong(nearest(value));
    }

    /** Halves go up. */
    private static double nearest(double value) {
        double below = Math.floor(value);
        return value - below >= 0.5 ? below + 1 : below;
    }

    /** Halves go to what is even. */
    public static double rint(double value) {
        double below = Math.floor(value);
        double rest = value - below;
        if (!(rest > 0)) return value;
        boolean isUp = rest > 0.5 || rest == 0.5 && below % 2 != 0;
        double nearest = isUp ? below + 1 : below;
        return nearest == 0 && value < 0 ? -0.0 : nearest;
    }

    @JSBody(params = "text", script = "return /^[+-]?(Infinity|NaN|\\d+\\.?\\d*([eE][+-]?\\d+)?|\\.\\d+([eE][+-]?\\d+)?)$/.test(text);")
    private static native boolean isNumber(String text);

    @JSBody(params = "text", script = "return Number(text);")
    private static native double number(String text);

    /** The number that is nearest to a text; TeaVM's is at times the one beside it. */
    public static double parse(String text) {
        String given = text.strip();
        boolean hasSuffix = !given.isEmpty() && "dDfF".indexOf(given.charAt(given.length() - 1)) >= 0;
        String digits = hasSuffix ? given.substring(0, given.length() - 1) : given;
        if (!isNumber(digits)) throw new NumberFormatException(given.isEmpty() ? "empty String" : "For input string: \"" + text + "\"");
        return number(digits);
    }

    public static float parseFloat(String text) {
        return rounded((float) parse(text));
    }
}
