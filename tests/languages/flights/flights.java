import java.util.HashMap;
import java.util.List;
import java.util.Map;
import pelton.guest.Lookup;
import pelton.guest.Nullable;
import pelton.guest.Options;
import pelton.guest.Reject;
import pelton.guest.Transform;

/** Flights with the names of their airlines, and prices in the currency of the last rate: looked up in two side tables. */
final class Flights {
    @Options
    record Scale(double factor) {}

    record Flight(String carrier, double price) {}

    record Airline(String carrier, @Nullable String name, int founded) {}

    record Rate(double rate) {}

    record Named(@Nullable String airline, int founded, double price) {}

    @Lookup
    static Map<String, Airline> airlines(List<Airline> rows) {
        Map<String, Airline> byCarrier = new HashMap<>();
        for (Airline row : rows) byCarrier.put(row.carrier(), row);
        return byCarrier;
    }

    @Lookup("fx-rates")
    static double rate(List<Rate> rows) {
        return rows.get(rows.size() - 1).rate();
    }

    @Transform
    static Named flights(Flight flight, Map<String, Airline> airlines, double rate, Scale scale) {
        if (flight.carrier().equals("private")) return null;
        Airline airline = airlines.get(flight.carrier());
        if (airline == null) throw new Reject("no airline " + flight.carrier());
        return new Named(airline.name(), airline.founded(), flight.price() * rate * scale.factor());
    }
}
