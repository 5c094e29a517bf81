// Flights with the names of their airlines, and prices in the currency of the last rate: looked up in two side tables.
package main

import "pelton/guest"

type Airline struct {
	Carrier string
	Name    guest.Null[string]
	Founded int32
}
type Rate struct{ Rate float64 }

var airlines = guest.NewLookup("airlines", func(rows []Airline) (map[string]Airline, error) {
	names := make(map[string]Airline, len(rows))
	for _, row := range rows {
		names[row.Carrier] = row
	}
	return names, nil
})

var rate = guest.NewLookup("fx-rates", func(rows []Rate) (float64, error) { return rows[len(rows)-1].Rate, nil })

type Options struct{ Factor float64 }
type Flight struct {
	Carrier string
	Price   float64
}
type Named struct {
	Airline guest.Null[string]
	Founded int32
	Price   float64
}

func Flights(flight Flight, options *Options) (Named, guest.Verdict) {
	if flight.Carrier == "private" {
		return Named{}, guest.Leave
	}
	airline, found := airlines.Get()[flight.Carrier]
	if !found {
		return Named{}, guest.Reject("no airline " + flight.Carrier)
	}
	return Named{airline.Name, airline.Founded, flight.Price * rate.Get() * options.Factor}, guest.Keep
}

func init() { guest.Transform(Flights, guest.With(airlines, rate)) }

func main() {}
