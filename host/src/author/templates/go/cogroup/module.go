// What is still to be paid of each order, if it is a least or more.
package main

import (
	"fmt"

	"pelton/guest"
)

type Options struct {
	Least float64
}

type Order struct {
	Order int64
}

type Item struct {
	Price float64
}

type Payment struct {
	Euro float64
}

type Unpaid struct {
	Unpaid float64
}

func {{pascal}}(pair *guest.Pair[Order, Item, Payment, Unpaid], options *Options) {
	if len(pair.Left) == 0 {
		for row := range pair.Right {
			pair.RejectRight(row, fmt.Sprintf("there is no order %d", pair.Key.Order))
		}
		return
	}
	unpaid := 0.0
	for _, item := range pair.Left {
		unpaid += item.Price
	}
	for _, payment := range pair.Right {
		unpaid -= payment.Euro
	}
	if unpaid >= options.Least {
		pair.Emit(Unpaid{unpaid})
	}
}

func init() { guest.Cogroup({{pascal}}) }

func main() {}
