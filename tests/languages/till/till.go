// What a till took and gave back: rows that leave a window are taken back, one by one, and nothing of them is left.
package main

import "pelton/guest"

type Options struct {
	Scale int64 `default:"1"`
}

type Paid struct {
	Cents int64
	Tip   guest.Null[int64]
}

type Till struct{ Rows, Took, Gave, Tips int64 }

type Made struct {
	Took, Gave int64
	Tip        guest.Null[float64]
}

func (t *Till) Add(paid Paid, options *Options) { t.count(paid, options.Scale) }

func (t *Till) Retract(paid Paid, options *Options) { t.count(paid, -options.Scale) }

func (t *Till) count(paid Paid, times int64) {
	t.Rows += times
	if paid.Cents < 0 {
		t.Gave += paid.Cents * times
	} else {
		t.Took += paid.Cents * times
	}
	if paid.Tip.Valid {
		t.Took += paid.Tip.V * times
		t.Tips += times
	}
}

func (t *Till) Merge(later Till, _ *Options) {
	t.Rows += later.Rows
	t.Took += later.Took
	t.Gave += later.Gave
	t.Tips += later.Tips
}

func (t *Till) Finish(guest.Window, *Options) (Made, guest.Verdict) {
	made := Made{Took: t.Took, Gave: t.Gave}
	if t.Tips != 0 {
		made.Tip = guest.Some(float64(t.Took) / float64(t.Tips))
	}
	return made, guest.KeepIf(t.Rows != 0)
}

func init() { guest.RetractableAggregate((*Till).Add, (*Till).Retract, (*Till).Merge, (*Till).Finish) }

func main() {}
