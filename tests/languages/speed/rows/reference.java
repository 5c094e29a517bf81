import pelton.guest.Transform;

/** The reference operator by rows: prices over 100, in euro. */
final class Reference {
    record Bid(double price) {}

    record Priced(double euro) {}

    @Transform
    static Priced reference(Bid bid) {
        return bid.price() > 100 ? new Priced(bid.price() * 0.908) : null;
    }
}
