import java.util.List;
import pelton.guest.Keyed;
import pelton.guest.State;

/** Prints, and then fails: the log has the line, and the trap the place. */
final class Fails {
    record Row(long n) {}

    record Kept(long n) {}

    @Keyed
    static void fails(List<Row> rows, State<Kept> state) {
        System.out.println("said before");
        for (Row row : rows) state.set(new Kept(part(row)));
    }

    private static long part(Row row) {
        if (row.n() == 2) throw new ArithmeticException("two is nothing to divide by"); // HERE
        return row.n() / (row.n() - 2);
    }
}
