import pelton.guest.DoubleColumn;
import pelton.guest.Rows;
import pelton.guest.Transform;

/** The reference operator by columns: prices over 100, in euro. */
final class Reference {
    record Bids(DoubleColumn price) {}

    record Priced(DoubleColumn euro) {}

    @Transform
    static void reference(Bids bids, Priced priced, Rows rows) {
        for (int row = 0; row < rows.count(); row++) {
            double price = bids.price().get(row);
            if (price > 100) priced.euro().set(rows.emit(row), price * 0.908);
        }
    }
}
