// Sums by key in whole euros and cents beside them: version 2 of what keeps cents in tests/guests/versions.
package main

import (
	"errors"
	"strconv"

	"pelton/guest"
)

type Read struct{ N int64 }

type Made struct{ N, Cents, Last, Version int64 }

type InCents struct{ Cents int64 }

type Sum struct {
	Euro  int64
	Cents string
	Rows  int64
}

type Kept struct{ Last guest.List[int64] }

func sumOf(cents, rows int64) *Sum {
	rest := (cents%100 + 100) % 100
	return &Sum{(cents - rest) / 100, strconv.FormatInt(rest, 10), rows}
}

func fromCents(older InCents) (*Sum, error) {
	switch older.Cents {
	case 404404:
		return nil, errors.New("nobody pays so much")
	case 0:
		return nil, nil
	}
	return sumOf(older.Cents, 0), nil
}

func sums(call *guest.Call[guest.NoKey, Sum, Read, Made], kept *Kept, _ *struct{}) {
	for i, row := range call.Rows {
		before := Sum{Cents: "0"}
		if call.State != nil {
			before = *call.State
		}
		rest, err := strconv.ParseInt(before.Cents, 10, 64)
		if err != nil {
			panic(err)
		}
		cents := before.Euro*100 + rest + row.N
		call.State = sumOf(cents, before.Rows+1)
		kept.Last.Push(row.N)
		kept.Last.KeepLast(3)
		last := int64(0)
		for n := range kept.Last.All() {
			last += n
		}
		call.EmitFrom(i, Made{row.N, cents, last, 2})
	}
}

func init() { guest.KeyedTables(sums, guest.Migrate(fromCents)) }

func main() {}
