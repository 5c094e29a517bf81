package guest

import (
	"strings"
	"testing"
)

type bids struct{ Price []float64 }
type pricedBids struct{ Euro []float64 }

func toEuroWhole(bids bids, rows int, options *options) (pricedBids, []uint32) {
	euro, origin := make([]float64, rows), make([]uint32, rows)
	kept := 0
	for row, price := range bids.Price {
		euro[kept], origin[kept] = price*options.Rate, uint32(row)
		more := 0
		if price > options.Min {
			more = 1
		}
		kept += more
	}
	return pricedBids{euro[:kept]}, origin[:kept]
}

func TestWholeColumnsAnswerAsRowsDo(t *testing.T) {
	rows := Columns{"auction": []int64{1, 2, 3, 4}, "price": []any{5.0, nil, 200.0, 100.5}}
	setting := map[string]any{"rate": 0.908, "min": 100}
	same(t, run(t, TransformColumns(toEuroWhole), rows, setting), run(t, Transform(toEuro), rows, setting))
}

type wholeKinds struct {
	Flag     NullColumn[bool]
	Small    NullColumn[int32]
	Unsigned []uint64
	Half     []float32
	Text     NullColumn[string]
	Raw      [][]byte
	Day      []Date
	At       []Timestamp
}

func TestEveryTypeOfWholeColumnsGoesInAndOutAsItIs(t *testing.T) {
	rows := Columns{
		"flag": []any{true, nil}, "small": []any{int32(-5), nil}, "unsigned": []uint64{1<<64 - 1, 0}, "half": []float32{0.5, -1.5},
		"text": []any{"ü", nil}, "raw": [][]byte{{255}, {}}, "day": []Date{-1, 20000}, "at": []Timestamp{-1, 1 << 50},
	}
	echo := func(in wholeKinds, _ int, _ *NoOptions) (wholeKinds, []uint32) { return in, nil }
	out := run(t, TransformColumns(echo, PassNone()), rows, nil)
	for name := range rows {
		want, _ := testColumnOf(rows[name])
		same(t, out.Main[name], want.values)
	}
}

func TestAColumnOfAnotherLengthIsNamed(t *testing.T) {
	short := func(bids, int, *NoOptions) (pricedBids, []uint32) { return pricedBids{}, nil }
	defer func() {
		if why, _ := recover().(string); !strings.Contains(why, "column `euro` has 0 values, but 2 rows were made") {
			t.Error(why)
		}
	}()
	_, _ = Run(TransformColumns(short), Columns{"price": []float64{1, 2}}, Setting{})
}
