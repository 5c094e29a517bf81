package guest

import (
	"errors"
	"testing"
)

type airline struct {
	Carrier string
	Name    Null[string]
}
type rate struct{ Rate float64 }
type flight struct {
	Carrier string
	Price   float64
}
type named struct {
	Airline Null[string]
	Euro    float64
}

var airlines = NewLookup("airlines", func(rows []airline) (map[string]Null[string], error) {
	names := map[string]Null[string]{}
	for _, row := range rows {
		names[row.Carrier] = row.Name
	}
	return names, nil
})

var lastRate = NewLookup("fx-rates", func(rows []rate) (float64, error) {
	if len(rows) == 0 {
		return 0, errors.New("there is no rate")
	}
	return rows[len(rows)-1].Rate, nil
})

func nameAirlines() *operator {
	return Transform(func(of flight, _ *NoOptions) (named, Verdict) {
		name, found := airlines.Get()[of.Carrier]
		return named{name, of.Price * lastRate.Get()}, KeepIf(found)
	}, With(airlines, lastRate), Drop("price"))
}

var flights = Columns{"carrier": []string{"LH", "ZZ", "BA"}, "price": []float64{1, 2, 3}}
var offered = Columns{"carrier": []string{"BA", "LH"}, "country": []string{"GB", "DE"}, "name": []any{"British Airways", nil}}

func TestATransformLooksUpInItsTables(t *testing.T) {
	tables := map[string]Columns{"airlines": offered, "fx-rates": {"rate": []float64{9, 0.5}}, "planes": {"seats": []int64{1}}}
	out, err := Run(nameAirlines(), flights, Setting{Tables: tables})
	if err != nil {
		t.Fatal(err)
	}
	same(t, out.Main, map[string][]any{"carrier": {"LH", "BA"}, "airline": {nil, "British Airways"}, "euro": {0.5, 1.5}})
	tables["airlines"] = Columns{"carrier": []string{"ZZ"}, "name": []string{"Zero"}}
	if out, err = Run(nameAirlines(), flights, Setting{Tables: tables}); err != nil {
		t.Fatal(err)
	}
	same(t, out.Main["airline"], []any{"Zero"})
}

func TestTablesThatDoNotFitAreRefused(t *testing.T) {
	rates := Columns{"rate": []float64{1}}
	for want, tables := range map[string]map[string]Columns{
		"this module looks up in the table `airlines`, which the operator is not offered: did you mean `airline`?": {"airline": offered},
		"this module looks up in the table `fx-rates`, which the operator is not offered: there is `airlines`":     {"airlines": offered},
		"the table `fx-rates` has no column `rate`, which `rate.Rate` reads as f64: did you mean `rates`?":         {"airlines": offered, "fx-rates": {"rates": []float64{1}}},
		"column `rate` is utf8, but `rate.Rate` reads it as f64":                                                   {"airlines": offered, "fx-rates": {"rate": []string{"1"}}},
		"the table `airlines`: `carrier` of row 1 is null":                                                         {"airlines": {"carrier": []any{"BA", nil}, "name": []string{"a", "b"}}, "fx-rates": rates},
		"the table `fx-rates`: there is no rate":                                                                   {"airlines": offered, "fx-rates": {"rate": []float64{}}},
	} {
		if _, err := Run(nameAirlines(), flights, Setting{Tables: tables}); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestATableComesBeforeTheRows(t *testing.T) {
	of := nameAirlines()
	if err := of.load("planes", table{}); err == nil || err.Error() != "the table `planes` came, but this module did not ask for it" {
		t.Error(err)
	}
	alone := NewLookup("alone", func(rows []rate) (int, error) { return len(rows), nil })
	panics(t, "the table `alone` did not come before the first rows", func() { alone.Get() })
	panics(t, "side tables are for transforms", func() {
		Keyed(func(*Call[stayUser, NoState, stayClick, stay], *NoOptions) {}, With(alone))
	})
}
