// Orders and what was paid for them, each by an output of its own: what is owed, what is paid, and the payments of what is paid twice.
package main

import (
	"fmt"

	"pelton/guest"
)

type Order struct{ Order int64 }
type Item struct{ Price float64 }
type Payment struct{ Euro float64 }
type Owed struct{ Rest float64 }

type Outputs struct {
	Owed guest.Port[Owed]
	Paid guest.Port[struct{}]
	Over guest.Port[Payment]
}

func Bills(pair *guest.Pair[Order, Item, Payment, Outputs], _ *guest.NoOptions) {
	rest := 0.0
	for _, item := range pair.Left {
		rest += item.Price
	}
	paid := 0.0
	for _, payment := range pair.Right {
		paid += payment.Euro
	}
	rest -= paid
	for row, payment := range pair.Right {
		if len(pair.Left) == 0 {
			pair.RejectRight(row, fmt.Sprintf("there is no order %d", pair.Key.Order))
		} else if rest < 0 {
			pair.Ports().Over.Emit(payment)
		}
	}
	switch {
	case len(pair.Left) == 0 || rest < 0:
	case rest > 0:
		pair.Ports().Owed.Emit(Owed{rest})
	default:
		pair.Ports().Paid.Emit(struct{}{})
	}
}

func init() { guest.Cogroup(Bills, guest.On("over", guest.Rename("order", "bill"))) }

func main() {}
