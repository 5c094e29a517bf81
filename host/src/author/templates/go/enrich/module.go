// Bids priced in euro, by the rate that the endpoint rates has for their currency. All other columns pass through untouched.
package main

import (
	"strconv"
	"strings"

	"pelton/guest"
)

type Bid struct {
	Price    float64
	Currency string
}

type Priced struct {
	Euro float64
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

// What a bid needs to know; bids in euro need nothing, and a path is made of nothing but a currency.
func ask(bid Bid, _ *guest.NoOptions) *guest.Request {
	if bid.Currency == "EUR" || len(bid.Currency) != 3 || strings.Trim(bid.Currency, letters) != "" {
		return nil
	}
	return guest.Get("rates", "/latest/"+bid.Currency)
}

func answer(bid Bid, reply *guest.Reply, _ *guest.NoOptions) (Priced, guest.Verdict) {
	if reply == nil && bid.Currency != "EUR" {
		return Priced{}, guest.Reject("this is no currency")
	}
	if reply == nil {
		return Priced{bid.Price}, guest.Keep
	}
	text, err := reply.Text()
	if err != nil {
		return Priced{}, guest.Reject(err.Error())
	}
	rate, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil {
		return Priced{}, guest.Reject("the rate is no number")
	}
	return Priced{bid.Price * rate}, guest.Keep
}

func init() { guest.Enrich(ask, answer) }

func main() {}
