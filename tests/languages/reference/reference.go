// The reference operator by columns: prices over 100, in euro.
package main

import "pelton/guest"

type Bids struct{ Price []float64 }

type Priced struct{ Euro []float64 }

func Reference(bids Bids, rows int, _ *guest.NoOptions) (Priced, []uint32) {
	euro, origin := guest.Scratch[float64](rows), guest.Scratch[uint32](rows)
	kept := 0
	for row, price := range bids.Price {
		euro[kept], origin[kept] = price*0.908, uint32(row)
		// Without a branch, which nobody could foresee.
		more := 0
		if price > 100 {
			more = 1
		}
		kept += more
	}
	return Priced{euro[:kept]}, origin[:kept]
}

func init() { guest.TransformColumns(Reference) }

func main() {}
