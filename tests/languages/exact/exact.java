import pelton.guest.Pass;
import pelton.guest.Reject;
import pelton.guest.Transform;

/** Arithmetic as Java defines it, where the JavaScript that a module in Java becomes has another. */
final class Exact {
    record Row(String text, int n) {}

    record Made(float sum, int asInt, long asLong, short asShort, long rounded, double even, int part, int rest) {}

    @Transform(passes = Pass.NONE)
    static Made exact(Row row) {
        double x = Double.parseDouble(row.text());
        float sum = 0;
        for (int i = 0; i < 1000; i++) sum += (float) x / 7;
        try {
            return new Made(sum, (int) x, (long) x, (short) x, Math.round(x), Math.rint(x), 100 / row.n(), 100 % row.n());
        } catch (ArithmeticException e) {
            throw new Reject(e.getMessage());
        }
    }
}
