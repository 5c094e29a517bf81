// Narrower numbers and coarser times, read as wider ones.
package main

import "pelton/guest"

type Read struct {
	Small float64
	Count int64
	At    guest.Timestamp
}

type Made struct {
	Double float64
	Next   int64
	Micros int64
}

func Widen(row Read, _ *guest.NoOptions) (Made, guest.Verdict) {
	return Made{row.Small * 2, row.Count + 1, int64(row.At)}, guest.Keep
}

func init() { guest.Transform(Widen) }

func main() {}
