package guest

import (
	"reflect"
	"strings"
	"testing"
)

type bid struct{ Price float64 }
type priced struct{ Euro float64 }
type options struct {
	Rate float64
	Min  float64 `default:"0"`
}

func toEuro(bid bid, options *options) (priced, Verdict) {
	if bid.Price < 0 {
		return priced{}, Reject("no price")
	}
	return priced{bid.Price * options.Rate}, KeepIf(bid.Price > options.Min)
}

func run(t *testing.T, of *operator, rows Columns, options any) Out {
	t.Helper()
	out, err := Run(of, rows, Setting{Options: options})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func same(t *testing.T, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v, want %#v", got, want)
	}
}

func TestAFilterAndMapKeepsTheOtherColumns(t *testing.T) {
	rows := Columns{"auction": []int64{1, 2, 3}, "price": []float64{99, 300, -1}}
	out := run(t, Transform(toEuro), rows, map[string]any{"rate": 0.5, "min": 100})
	same(t, out.Main, map[string][]any{"auction": {int64(2)}, "price": {300.0}, "euro": {150.0}})
	same(t, out.Rejected, map[int]string{2: "no price"})
}

func TestRowsWithANullThatTheFunctionDoesNotTakeAreRejected(t *testing.T) {
	out := run(t, Transform(toEuro), Columns{"price": []any{1.0, nil, 3.0}}, map[string]any{"rate": 2})
	same(t, out.Main["euro"], []any{2.0, 6.0})
	same(t, out.Rejected, map[int]string{1: "`price` is null"})
}

func TestWhatDoesNotFitIsRefusedInWords(t *testing.T) {
	rate := map[string]any{"rate": 1}
	for _, refused := range []struct {
		rows    Columns
		options any
		message string
	}{
		{Columns{"prize": []float64{1}}, rate, "the input has no column `price`, which `bid.Price` reads as f64: did you mean `prize`?"},
		{Columns{"price": []string{"x"}}, rate, "column `price` is utf8, but `bid.Price` reads it as f64"},
		{Columns{"price": []float64{1}}, nil, "option `rate` is missing: it must be a number"},
		{Columns{"price": []float64{1}}, map[string]any{"rate": "x"}, "option `rate` must be a number, not \"x\""},
		{Columns{"price": []float64{1}}, map[string]any{"rat": 1}, "there is no option `rat`: did you mean `rate`?"},
	} {
		_, err := Run(Transform(toEuro), refused.rows, Setting{Options: refused.options})
		if err == nil || err.Error() != refused.message {
			t.Errorf("got %v, want %s", err, refused.message)
		}
	}
}

type line struct{ Line string }
type word struct{ Word string }

func words(line line, _ *NoOptions, emit func(word)) Verdict {
	for _, part := range strings.Fields(line.Line) {
		emit(word{part})
	}
	if line.Line == "a question ?" {
		return Reject("a question")
	}
	return Keep
}

func TestAFlatMapForgetsWhatARejectedRowEmitted(t *testing.T) {
	rows := Columns{"line": []string{"a b", "", "a question ?", "ü"}, "at": []int64{1, 2, 3, 4}}
	out := run(t, FlatMap(words, Drop("line")), rows, nil)
	same(t, out.Main, map[string][]any{"at": {int64(1), int64(1), int64(4)}, "word": {"a", "b", "ü"}})
	same(t, out.Rejected, map[int]string{2: "a question"})
}

type kinds struct {
	Flag     Null[bool]
	Small    Null[int32]
	Large    int64
	Unsigned uint64
	Half     float32
	Text     Null[string]
	Raw      []byte
	Day      Date
	At       Timestamp
}

func TestEveryTypeGoesInAndOutAsItIs(t *testing.T) {
	rows := Columns{
		"flag": []any{true, nil}, "small": []any{int32(-5), nil}, "large": []int64{-1 << 63, 1<<53 + 1},
		"unsigned": []uint64{1<<64 - 1, 0}, "half": []float32{0.5, -1.5}, "text": []any{"ü", nil},
		"raw": [][]byte{{255}, {}}, "day": []Date{-1, 20000}, "at": []Timestamp{-1, 1 << 50},
	}
	echo := func(in kinds, _ *NoOptions) (kinds, Verdict) { return in, Keep }
	out := run(t, Transform(echo, PassNone()), rows, nil)
	for name := range rows {
		want, _ := testColumnOf(rows[name])
		same(t, out.Main[name], want.values)
	}
}

func TestManyRowsCrossBlocks(t *testing.T) {
	prices := make([]float64, 3*blockRows+7)
	for i := range prices {
		prices[i] = float64(i % 3)
	}
	out := run(t, Transform(toEuro), Columns{"price": prices}, map[string]any{"rate": 1, "min": 1})
	if len(out.Main["euro"]) != len(prices)/3 || out.Origin[1] != 5 {
		t.Errorf("%d rows, the second from %d", len(out.Main["euro"]), out.Origin[1])
	}
}

func TestRandomNumbersAreThoseOfTheOtherLanguages(t *testing.T) {
	ctx := Context{seed: 42, firstRow: 100}
	same(t, ctx.RandomUint64(), uint64(0xa5f1bddf925239e2))
	ctx = Context{seed: 0, firstRow: 0, drawn: 1}
	same(t, ctx.RandomUint64(), uint64(0x44e5b8b147ef718b))
}

func TestAFunctionThatKeepsSomethingIsCaught(t *testing.T) {
	calls := 0.0
	counting := func(bid, *NoOptions) (priced, Verdict) {
		calls++
		return priced{calls}, Keep
	}
	_, err := Run(Transform(counting), Columns{"price": []float64{1, 2}}, Setting{})
	if err == nil || !strings.Contains(err.Error(), "depends on how rows are cut") {
		t.Errorf("got %v", err)
	}
}

func TestNamesAreThoseOfColumns(t *testing.T) {
	for name, want := range map[string]string{"Price": "price", "UserID": "user_id", "HTTPStatus": "http_status", "A1B": "a1_b"} {
		same(t, snake(name), want)
	}
}

func TestABatchOfWhichNothingIsLeftHasNoRows(t *testing.T) {
	nothing := FlatMap(func(bid, *NoOptions, func(priced)) Verdict { return Keep })
	out := nothing.opened(t).process(2, []node{testColumn{format: "g", values: []any{1.0, 2.0}}.node(upTo(0, 2))})
	if out.origin == nil || out.rows != 0 {
		t.Fatalf("%d rows, and origins %v", out.rows, out.origin)
	}
}

func (o *operator) opened(t *testing.T) *operator {
	t.Helper()
	if _, err := o.open([]input{{"input", []wireField{{"price", "g", false, 0}}, nil, "append"}}, nil); err != nil {
		t.Fatal(err)
	}
	return o
}
