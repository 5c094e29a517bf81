// A fold whose Merge loses what later rows came to: `pelton check` must say so.
package main

import "pelton/guest"

type Row struct{ N int64 }

type Lossy struct{ Count int64 }

func (l *Lossy) Add(Row, *guest.NoOptions)     { l.Count++ }
func (l *Lossy) Merge(Lossy, *guest.NoOptions) {}
func (l *Lossy) Finish(guest.Window, *guest.NoOptions) (Lossy, guest.Verdict) {
	return *l, guest.Keep
}

func init() { guest.Aggregate((*Lossy).Add, (*Lossy).Merge, (*Lossy).Finish) }

func main() {}
