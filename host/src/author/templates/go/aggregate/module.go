// How far apart prices are, those under min left out.
package main

import "pelton/guest"

type Options struct {
	Min float64 `default:"0"`
}

type Bid struct {
	Price float64
}

// {{pascal}} is what the engine keeps for each group; the zero value is that of no rows.
type {{pascal}} struct {
	Least, Most guest.Null[float64]
}

type Range struct {
	Range float64
}

func (s *{{pascal}}) Add(bid Bid, options *Options) {
	if bid.Price >= options.Min {
		s.Merge({{pascal}}{guest.Some(bid.Price), guest.Some(bid.Price)}, options)
	}
}

func (s *{{pascal}}) Merge(later {{pascal}}, _ *Options) {
	switch {
	case !s.Least.Valid:
		*s = later
	case later.Least.Valid:
		s.Least.V = min(s.Least.V, later.Least.V)
		s.Most.V = max(s.Most.V, later.Most.V)
	}
}

func (s *{{pascal}}) Finish(guest.Window, *Options) (Range, guest.Verdict) {
	return Range{s.Most.V - s.Least.V}, guest.KeepIf(s.Least.Valid)
}

func init() { guest.Aggregate((*{{pascal}}).Add, (*{{pascal}}).Merge, (*{{pascal}}).Finish) }

func main() {}
