package guest

import (
	"math"
	"strings"
	"testing"
)

type spread struct{ Least, Most Null[float64] }
type priceRange struct{ Range float64 }

func (s *spread) Add(bid bid, options *NoOptions) {
	s.Merge(spread{Some(bid.Price), Some(bid.Price)}, options)
}

func (s *spread) Merge(later spread, _ *NoOptions) {
	pick := func(of func(a, b float64) float64, a, b Null[float64]) Null[float64] {
		if !a.Valid || !b.Valid {
			if a.Valid {
				return a
			}
			return b
		}
		return Some(of(a.V, b.V))
	}
	s.Least, s.Most = pick(math.Min, s.Least, later.Least), pick(math.Max, s.Most, later.Most)
}

func (s *spread) Finish(Window, *NoOptions) (priceRange, Verdict) {
	return priceRange{s.Most.V - s.Least.V}, KeepIf(s.Most.Valid)
}

func fold(t *testing.T, of *operator, rows Columns, setting FoldSetting) Out {
	t.Helper()
	out, err := Fold(of, rows, setting)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRowsAreFoldedByKeyAndNullsAreLeftOut(t *testing.T) {
	of := Aggregate((*spread).Add, (*spread).Merge, (*spread).Finish)
	rows := Columns{"auction": []int64{1, 2, 1, 3}, "price": []any{3.0, 5.0, 10.5, nil}}
	out := fold(t, of, rows, FoldSetting{Key: []string{"auction"}})
	same(t, out.Main, map[string][]any{"auction": {int64(1), int64(2)}, "range": {7.5, 0.0}})
	same(t, fold(t, of, Columns{"price": []float64{}}, FoldSetting{}).Main, map[string][]any{"range": {}})
}

type number struct{ N Null[int64] }
type total struct {
	Sum, Count int64
	Words      string
}
type totalOptions struct {
	Per int64 `default:"1"`
}
type totalResult struct {
	Total int64
	Mean  Null[float64]
	Ends  Timestamp
}

func (s *total) Add(row number, options *totalOptions) {
	if row.N.Valid {
		s.Sum += row.N.V / options.Per
		s.Count++
		s.Words += "x"
	}
}

func (s *total) Merge(later total, _ *totalOptions) {
	s.Sum, s.Count, s.Words = s.Sum+later.Sum, s.Count+later.Count, s.Words+later.Words
}

func (s *total) Finish(window Window, _ *totalOptions) (totalResult, Verdict) {
	if s.Sum < 0 || len(s.Words) != int(s.Count) {
		return totalResult{}, Reject("no total")
	}
	mean := Null[float64]{float64(s.Sum) / float64(s.Count), s.Count > 0}
	return totalResult{s.Sum, mean, window.End}, Keep
}

func TestOptionsWindowsAndRejections(t *testing.T) {
	of := Aggregate((*total).Add, (*total).Merge, (*total).Finish)
	rows := Columns{"key": []string{"a", "b", "a", "c"}, "n": []any{int64(10), int64(-7), nil, nil}}
	setting := FoldSetting{Key: []string{"key"}, Options: map[string]any{"per": 5}, Window: Window{0, 60, Late}}
	out := fold(t, of, rows, setting)
	same(t, out.Main, map[string][]any{
		"key": {"a", "c"}, "total": {int64(2), int64(0)}, "mean": {2.0, nil}, "ends": {Timestamp(60), Timestamp(60)},
	})
	same(t, out.Rejected, map[int]string{1: "no total"})
	_, err := Fold(of, Columns{"m": []int64{1}}, FoldSetting{})
	if err == nil || !strings.Contains(err.Error(), "the input has no column `n`, which `number.N` reads as s64") {
		t.Errorf("got %v", err)
	}
}

type first struct{ First Null[int64] }

func TestAMergeThatNeedsItsOrderSaysSo(t *testing.T) {
	add := func(s *first, row number, _ *NoOptions) {
		if !s.First.Valid {
			s.First = row.N
		}
	}
	merge := func(s *first, later first, _ *NoOptions) {
		if !s.First.Valid {
			*s = later
		}
	}
	finish := func(s *first, _ Window, _ *NoOptions) (first, Verdict) { return *s, Keep }
	rows := Columns{"n": []int64{3, 1, 2}}
	same(t, fold(t, Aggregate(add, merge, finish, Ordered()), rows, FoldSetting{}).Main["first"], []any{int64(3)})
	if _, err := Fold(Aggregate(add, merge, finish), rows, FoldSetting{}); err == nil || !strings.Contains(err.Error(), "opposite order") {
		t.Errorf("got %v", err)
	}
}

type spent struct{ Cents int64 }
type cents struct{ Cents int64 }

func (s *spent) Add(row cents, options *totalOptions)     { s.Cents += row.Cents * options.Per }
func (s *spent) Retract(row cents, options *totalOptions) { s.Cents -= row.Cents * options.Per }
func (s *spent) Merge(later spent, _ *totalOptions)       { s.Cents += later.Cents }
func (s *spent) Finish(Window, *totalOptions) (cents, Verdict) {
	return cents{s.Cents}, Keep
}

func TestRowsAreTakenBack(t *testing.T) {
	of := RetractableAggregate((*spent).Add, (*spent).Retract, (*spent).Merge, (*spent).Finish)
	rows := Columns{"user": []string{"a", "b", "a"}, "cents": []any{int64(1200), int64(500), nil}}
	out := fold(t, of, rows, FoldSetting{Key: []string{"user"}, Options: map[string]any{"per": 2}})
	same(t, out.Main["cents"], []any{int64(2400), int64(1000)})
	for _, each := range []struct {
		of       *operator
		retracts bool
	}{{of, true}, {Aggregate((*spent).Add, (*spent).Merge, (*spent).Finish), false}} {
		given, err := givenOf(Columns{"cents": []int64{1}})
		if err != nil {
			t.Fatal(err)
		}
		agreed, err := each.of.open([]input{given.input(nil)}, []byte("{}"))
		if err != nil || agreed.retracts != each.retracts {
			t.Errorf("got %v, %v", agreed.retracts, err)
		}
	}
}

func TestAnInverseThatIsNotExactIsCaught(t *testing.T) {
	type sum struct{ X float64 }
	type row struct{ X float64 }
	add := func(s *sum, row row, _ *NoOptions) { s.X += row.X }
	retract := func(s *sum, row row, _ *NoOptions) { s.X -= row.X }
	merge := func(s *sum, later sum, _ *NoOptions) { s.X += later.X }
	finish := func(s *sum, _ Window, _ *NoOptions) (sum, Verdict) { return *s, Keep }
	_, err := Fold(RetractableAggregate(add, retract, merge, finish), Columns{"x": []float64{0.1, 1e9, 0.7}}, FoldSetting{})
	if err == nil || !strings.Contains(err.Error(), "taking the first of each back") {
		t.Errorf("got %v", err)
	}
}

func TestAMaximumThatDoesNotComeDownIsCaught(t *testing.T) {
	type most struct{ N int64 }
	type row struct{ N int64 }
	add := func(s *most, row row, _ *NoOptions) { s.N = max(s.N, row.N) }
	retract := func(*most, row, *NoOptions) {}
	merge := func(s *most, later most, _ *NoOptions) { s.N = max(s.N, later.N) }
	finish := func(s *most, _ Window, _ *NoOptions) (most, Verdict) { return *s, Keep }
	_, err := Fold(RetractableAggregate(add, retract, merge, finish), Columns{"n": []int64{1, 7, 3}}, FoldSetting{})
	if err == nil || !strings.Contains(err.Error(), "taking every other row back") {
		t.Errorf("got %v", err)
	}
}
