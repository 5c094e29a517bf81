// Sums, means and the first word of each group: nulls, text and numbers that are kept; groups that are dropped and refused.
package main

import (
	"fmt"

	"pelton/guest"
)

type Options struct {
	Scale int64 `default:"1"`
}

type Row struct {
	N    guest.Null[int64]
	X    float64
	Word guest.Null[string]
}

type Total struct {
	Rows, Sum, Numbers int64
	Total              float64
	Word               guest.Null[string]
}

type Result struct {
	Sum   int64
	Mean  guest.Null[float64]
	Total float64
	Word  guest.Null[string]
}

func (t *Total) Add(row Row, options *Options) {
	t.Rows++
	t.Total += row.X
	if row.N.Valid {
		t.Sum += row.N.V * options.Scale
		t.Numbers++
	}
	t.keep(row.Word)
}

func (t *Total) keep(word guest.Null[string]) {
	if word.Valid && (!t.Word.Valid || word.V < t.Word.V) {
		t.Word = word
	}
}

func (t *Total) Merge(later Total, _ *Options) {
	t.Rows += later.Rows
	t.Sum += later.Sum
	t.Numbers += later.Numbers
	t.Total += later.Total
	t.keep(later.Word)
}

func (t *Total) Finish(guest.Window, *Options) (Result, guest.Verdict) {
	if t.Sum < 0 {
		return Result{}, guest.Reject(fmt.Sprintf("%d is less than nothing", t.Sum))
	}
	mean := guest.Null[float64]{V: float64(t.Sum) / float64(t.Numbers), Valid: t.Numbers > 0}
	return Result{t.Sum, mean, t.Total, t.Word}, guest.KeepIf(t.Rows > 0)
}

func init() { guest.Aggregate((*Total).Add, (*Total).Merge, (*Total).Finish) }

func main() {}
