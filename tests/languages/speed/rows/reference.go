// The reference operator by rows: prices over 100, in euro.
package main

import "pelton/guest"

type Bid struct{ Price float64 }

type Priced struct{ Euro float64 }

func Reference(bid Bid, _ *guest.NoOptions) (Priced, guest.Verdict) {
	return Priced{bid.Price * 0.908}, guest.KeepIf(bid.Price > 100)
}

func init() { guest.Transform(Reference) }

func main() {}
