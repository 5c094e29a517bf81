import java.util.List;
import java.util.Map;
import pelton.guest.Emitter;
import pelton.guest.Keyed;
import pelton.guest.ListState;
import pelton.guest.MapState;
import pelton.guest.Nullable;
import pelton.guest.State;
import pelton.guest.Timers;
import pelton.guest.Unsigned;

/** A list and a map that grow for many rounds, changed and read by numbers that look like chance: what is read must be the same everywhere. */
final class Shelves {
    private static final List<String> NAMES = List.of("", "a", "a\0", "ü");
    private static final long ROUNDS = 12;
    private static final int NEXT = 0;

    record Row(long start) {}

    record Kept(long round, @Unsigned long drawn) {}

    record Queued(int n, Double x) {}

    record Place(boolean late, @Unsigned int id, String name) {}

    record Book(long n, @Nullable String note) {}

    record Sums(@Unsigned long sum, long length, long books) {}

    @Keyed
    static void shelves(
        List<Row> rows, State<Kept> state, ListState<Queued> queue, MapState<Place, Book> shelf, Timers timers, Emitter<Sums> out) {
        for (Row row : rows) {
            state.set(new Kept(0, row.start()));
            timers.set(NEXT, 0);
        }
        for (Timers.Timer due : timers.due()) {
            Round round = new Round(state.get().drawn(), queue, shelf);
            for (int i = 0; i < 200; i++) round.step();
            long books = 0;
            for (Map.Entry<Place, Book> held : shelf) {
                books++;
                round.mixBook(held.getKey(), held.getValue());
            }
            state.set(new Kept(state.get().round() + 1, round.drawn));
            out.emit(new Sums(round.sum, queue.size(), books));
            if (state.get().round() < ROUNDS) timers.set(NEXT, 0);
        }
    }

    private static final class Round {
        private final ListState<Queued> queue;
        private final MapState<Place, Book> shelf;
        long drawn;
        long sum;

        Round(long drawn, ListState<Queued> queue, MapState<Place, Book> shelf) {
            this.drawn = drawn;
            this.queue = queue;
            this.shelf = shelf;
        }

        int pick(int below) {
            drawn = drawn * 6364136223846793005L + 1442695040888963407L;
            return (int) ((drawn >>> 33) % below);
        }

        void mix(long value) {
            sum = sum * 31 + value;
        }

        void mixBook(Place place, Book book) {
            mix((place.late() ? 1000 : 0) + place.id());
            mix(NAMES.indexOf(place.name()));
            mix(book.n());
            mix(book.note() == null ? 7 : book.note().length());
        }

        Place place() {
            return new Place(pick(2) == 1, pick(60), NAMES.get(pick(4)));
        }

        /** Changes what is gone through: each book comes once. */
        void grow() {
            for (Map.Entry<Place, Book> held : shelf) shelf.put(held.getKey(), new Book(held.getValue().n() + 1, held.getValue().note()));
        }

        void step() {
            int what = pick(16);
            if (what < 5) {
                Place place = place();
                long n = pick(1000) - 500;
                int number = pick(300);
                shelf.put(place, new Book(n, number < 100 ? null : "n" + number));
            } else if (what == 5) {
                shelf.remove(place());
            } else if (what == 6) {
                Place place = place();
                Book book = shelf.get(place);
                if (book == null) mix(1);
                else mixBook(place, book);
            } else if (what < 9) {
                for (int left = pick(6) + 1; left > 0; left--) {
                    int n = pick(1000);
                    queue.add(new Queued(n, n % 2 == 0 ? null : n / 4.0));
                }
            } else if (what == 9) {
                for (int left = pick(4); left > 0; left--) {
                    Queued first = queue.removeFirst();
                    mix(first == null ? 3 : first.n());
                }
            } else if (what == 10) {
                Queued found = queue.get(pick(60));
                mix(found == null ? 5 : found.n());
            } else if (what == 11 || what == 12) {
                range(place(), place(), what == 12);
            } else if (what == 13) {
                int from = pick(50);
                for (Queued one : queue.subList(from, from + pick(50))) mix(one.x() == null ? one.n() : (long) (one.x() * 4) + 9);
            } else if (what == 14) {
                int left = pick(40);
                if (left == 0) return;
                for (Queued one : queue.reversed()) {
                    mix(one.n());
                    if (--left == 0) break;
                }
            } else {
                rare(pick(20));
            }
        }

        void range(Place from, Place to, boolean isReverse) {
            int left = pick(50);
            if (left == 0) return;
            for (Map.Entry<Place, Book> held : isReverse ? shelf.rangeReversed(from, to) : shelf.range(from, to)) {
                mixBook(held.getKey(), held.getValue());
                if (--left == 0) break;
            }
        }

        void rare(int rare) {
            if (rare == 0) shelf.clear();
            else if (rare == 1) queue.keepLast(10);
            else if (rare == 2) queue.clear();
            else if (rare < 5) grow();
            else mix(queue.size());
        }
    }
}
