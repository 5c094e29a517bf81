package guest

import (
	"fmt"
	"strings"
	"testing"
)

type orderKey struct{ Order int64 }
type orderItem struct{ Price float64 }
type payment struct {
	Euro float64
	By   Null[string]
}
type unpaid struct {
	Unpaid float64
	Items  int64
}
type leastOptions struct {
	Least float64 `default:"0"`
}

func unpaidOf(pair *Pair[orderKey, orderItem, payment, unpaid], options *leastOptions) {
	if len(pair.Left) == 0 {
		for row, payment := range pair.Right {
			pair.RejectRight(row, fmt.Sprintf("there is no order %d, %s", pair.Key.Order, payment.By.V))
		}
		return
	}
	rest := 0.0
	for _, item := range pair.Left {
		rest += item.Price
	}
	for _, payment := range pair.Right {
		rest -= payment.Euro
	}
	if rest > options.Least {
		pair.Emit(unpaid{rest, int64(len(pair.Left))})
	}
}

func TestBothSidesOfAKeyMeet(t *testing.T) {
	items := Columns{"order": []any{int64(1), int64(2), nil, int64(1), int64(3)}, "price": []any{5.0, 8.0, 1.0, 6.0, nil}}
	payments := Columns{"order": []int64{2, 1, 4, 1}, "euro": []any{8.0, 4.0, 9.0, nil}, "by": []any{"a", nil, "b", "c"}}
	out := did(t)(Join(Cogroup(unpaidOf), items, payments, JoinSetting{Key: []string{"order"}}))
	same(t, out.Main, map[string][]any{"order": {int64(1)}, "unpaid": {7.0}, "items": {int64(2)}})
	same(t, out.Rejected, map[int]string{2: "`order` is null", 4: "`price` is null", 7: "there is no order 4, b", 8: "`euro` is null"})
}

type seenRow struct{ Row int64 }

func TestNumbersAreThoseOfBothSides(t *testing.T) {
	rows := Cogroup(func(pair *Pair[NoKey, orderItem, payment, seenRow], _ *NoOptions) {
		pair.Emit(seenRow{int64(Current().Row())})
		for row := range pair.Left {
			pair.AtLeft(row)
			pair.Emit(seenRow{int64(Current().Row())})
		}
		for row := range pair.Right {
			pair.AtRight(row)
			pair.Emit(seenRow{100 + int64(Current().Row())})
		}
	}, Rename("order", "id"))
	items := Columns{"order": []int64{1, 2}, "price": []float64{1, 2}}
	payments := Columns{"of": []int64{3, 2}, "euro": []float64{1, 2}, "by": []string{"a", "a"}}
	out := did(t)(Join(rows, items, payments, JoinSetting{Key: []string{"order"}, RightKey: []string{"of"}}))
	same(t, fmt.Sprint(out.Main), "map[id:[1 1 2 2 2 3 3] row:[0 0 1 1 102 3 103]]")
}

func TestWhatDoesNotFitACogroupIsRefused(t *testing.T) {
	_, err := Join(Cogroup(unpaidOf), Columns{"order": []int64{1}, "price": []float64{1}},
		Columns{"order": []int64{1}, "eur": []float64{1}, "by": []string{"a"}}, JoinSetting{Key: []string{"order"}})
	if err == nil || !strings.Contains(err.Error(), "the input has no column `euro`, which `payment.Euro` reads as f64: did you mean `eur`") {
		t.Fatal(err)
	}
}
