/* Flights with the names of their airlines, and prices in the currency of the last rate: looked up in two side tables. */
#include "pelton.h"

#define AIRLINE(COLUMN) COLUMN(text, carrier) COLUMN(text_or_null, name) COLUMN(s32, founded)
#define RATE(COLUMN) COLUMN(f64, rate)
#define FLIGHT(COLUMN) COLUMN(text, carrier) COLUMN(f64, price)
#define NAMED(COLUMN) COLUMN(text_or_null, airline) COLUMN(s32, founded) COLUMN(f64, price)
#define OPTIONS(NEEDED, OPTIONAL) NEEDED(f64, factor)

PELTON_ROW(airline, AIRLINE)
PELTON_ROW(rate, RATE)
PELTON_ROW(flight, FLIGHT)
PELTON_ROW(named, NAMED)
PELTON_OPTIONS(options, OPTIONS)

PELTON_SIDE_TABLE_BY(airlines, airline, text, carrier)
PELTON_SIDE_TABLE(fx_rates, rate, "fx-rates")
#define TABLES(TABLE) TABLE(airlines) TABLE(fx_rates)
PELTON_SIDE_TABLES(TABLES)

static pelton_verdict flights(const struct flight *flight, struct named *named, const struct options *options) {
    if (pelton_text_equal(flight->carrier, pelton_text_of("private"))) return PELTON_DROP;
    const struct airline *airline = airlines_find(flight->carrier);
    if (!airline) return pelton_reject("no airline %.*s", (int)flight->carrier.size, flight->carrier.data);
    named->airline = airline->name;
    named->founded = airline->founded;
    named->price = flight->price * fx_rates_rows()[fx_rates_count() - 1].rate * options->factor;
    return PELTON_KEEP;
}
PELTON_TRANSFORM(flights, flight, named, options)
