import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import pelton.guest.Emitter;
import pelton.guest.Keyed;
import pelton.guest.ListState;
import pelton.guest.MapState;
import pelton.guest.State;
import pelton.guest.Timers;
import pelton.guest.Timestamp;

/** Lists and maps of state: read and changed in the call of the rows, and again, from the engine, in the calls of timers. */
final class Plays {
    private static final int TELL = 0;

    record Key(String user) {}

    record Play(String song, @Timestamp long at) {}

    record Kept(long round) {}

    record Heard(String song, @Timestamp Long at) {}

    record Place(int times, String song) {}

    record Told(String what, String text, long n) {}

    @Keyed
    static void plays(
        Key key, List<Play> rows, State<Kept> state, ListState<Heard> recent, MapState<String, Long> songs, MapState<Place, Double> places,
        Timers timers, Emitter<Told> out) {
        for (Play play : rows) {
            long times = songs.getOrDefault(play.song(), 0L) + 1;
            songs.put(play.song(), times);
            recent.add(new Heard(play.song(), times > 1 ? play.at() : null));
            places.put(new Place((int) times, play.song()), times / 2.0);
            if (times > 1) places.remove(new Place((int) times - 1, play.song()));
            out.emit(new Told("play", play.song(), times), play);
            timers.set(TELL, play.at());
        }
        for (Timers.Timer due : timers.due()) {
            long round = (state.isEmpty() ? 0 : state.get().round()) + 1;
            state.set(new Kept(round));
            tell(recent, songs, places, out);
            List<String> popped = new ArrayList<>();
            for (int i = 0; i < 2; i++) {
                Heard first = recent.removeFirst();
                if (first != null) popped.add(first.song());
            }
            say(out, "popped", popped, round);
            recent.keepLast(20);
            recent.add(new Heard("last", null));
            songs.remove("s01");
            songs.put("zz", round);
            places.put(new Place(-1, "ü"), 0.25);
            tell(recent, songs, places, out);
            if (round == 2) places.clear();
            if (round < 3) timers.set(TELL, 0);
        }
    }

    private static void tell(ListState<Heard> recent, MapState<String, Long> songs, MapState<Place, Double> places, Emitter<Told> out) {
        long dated = 0;
        for (Heard heard : recent) if (heard.at() != null) dated++;
        say(out, "recent", titles(recent, Integer.MAX_VALUE), recent.size());
        say(out, "last", titles(recent.reversed(), 3), dated);
        say(out, "some", titles(recent.subList(5, 8), Integer.MAX_VALUE), recent.get(30) == null ? 0 : 1);
        List<String> counted = new ArrayList<>();
        long sum = 0;
        for (Map.Entry<String, Long> song : songs) {
            counted.add(song.getKey() + "=" + song.getValue());
            sum += song.getValue();
        }
        say(out, "songs", counted, sum);
        List<String> below = new ArrayList<>();
        for (Map.Entry<String, Long> song : songs.rangeReversed(null, "s12")) {
            below.add(song.getKey());
            if (below.size() == 3) break;
        }
        say(out, "below", below, songs.getOrDefault("s01", -1L));
        List<String> twice = new ArrayList<>();
        for (Map.Entry<Place, Double> place : places.range(new Place(2, ""), new Place(3, ""))) twice.add(place.getKey().song());
        long quarters = 0;
        for (Map.Entry<Place, Double> place : places) quarters += (long) Math.floor(place.getValue() * 4);
        say(out, "twice", twice, quarters);
    }

    private static List<String> titles(Iterable<Heard> of, int most) {
        List<String> titles = new ArrayList<>();
        for (Heard heard : of) {
            titles.add(heard.song());
            if (titles.size() == most) break;
        }
        return titles;
    }

    private static void say(Emitter<Told> out, String what, List<String> words, long n) {
        out.emit(new Told(what, String.join(",", words), n));
    }
}
