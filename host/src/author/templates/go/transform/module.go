// Bids over min, priced in euro. All other columns pass through untouched.
package main

import (
	"fmt"

	"pelton/guest"
)

type Options struct {
	Rate float64
	Min  float64 `default:"0"`
}

type Bid struct {
	Price float64
}

type Priced struct {
	Euro float64
}

func {{pascal}}(bid Bid, options *Options) (Priced, guest.Verdict) {
	if bid.Price < 0 {
		return Priced{}, guest.Reject(fmt.Sprintf("%g is no price", bid.Price))
	}
	return Priced{bid.Price * options.Rate}, guest.KeepIf(bid.Price > options.Min)
}

func init() { guest.Transform({{pascal}}) }

func main() {}
