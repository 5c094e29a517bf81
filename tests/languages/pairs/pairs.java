import java.util.List;
import pelton.guest.Cogroup;
import pelton.guest.Default;
import pelton.guest.Emitter;
import pelton.guest.Options;

/** Each row of a key on the left with each on the right: sides without rows, nulls, and rows of both sides that are refused. */
final class Pairs {
    @Options
    record Limits(@Default("100") long most) {}

    record Key(String user) {}

    record Left(Long n) {}

    record Right(String word, Double x) {}

    record Pair(long n, String word, Double x) {}

    @Cogroup
    static void pairs(Key key, List<Left> left, List<Right> right, Emitter<Pair> out, Limits limits) {
        for (Right row : right) if (row.word().equals("bad")) out.reject(row, key.user() + " is bad");
        long sum = 0;
        long made = 0;
        for (Left row : left) {
            if (row.n() == null) {
                out.reject(row, key.user() + " has no number");
                continue;
            }
            sum += row.n();
            for (Right other : right) {
                if (other.word().equals("bad") || made == limits.most()) continue;
                out.emit(new Pair(row.n(), other.word(), other.x()));
                made++;
            }
        }
        if (!right.isEmpty() && !left.isEmpty()) return;
        out.emit(new Pair(sum, right.isEmpty() ? "left alone" : "right alone", null));
    }
}
