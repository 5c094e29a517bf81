// Package guest is for writing Pelton operators in Go: a function of one row becomes a WebAssembly component.
//
//	type Bid struct{ Price float64 }
//	type Priced struct{ Euro float64 }
//	type Options struct {
//		Rate float64
//		Min  float64 `default:"0"`
//	}
//
//	func toEuro(bid Bid, options *Options) (Priced, guest.Verdict) {
//		return Priced{bid.Price * options.Rate}, guest.KeepIf(bid.Price > options.Min)
//	}
//
//	func init() { guest.Transform(toEuro) }
//	func main() {}
//
// The first struct names the columns that are read (Price is the column price, UserID is user_id, and the tag
// `pelton:"user-id"` gives another name), the second those that are made; the engine carries all others past. Fields are
// bool, int8 to int64, uint8 to uint64, float32, float64, string, []byte, [Date], [Timestamp], or a [Null] of one. A row with
// a null where there is no Null is rejected.
//
// [Aggregate] is for folds of groups and windows, [Keyed] for functions of one key with state and timers, [KeyedTables] if it keeps lists and
// maps as well, [Cogroup] for functions of one key's rows on two inputs, [TransformColumns] for functions of whole columns, [Split] for several outputs, [NewLookup] for side tables, [Enrich] for functions that ask an
// endpoint. [Run], [Fold], [Start] and [Join] try them without an engine.
//
// A module computes and does nothing else: no files, no sockets, no clock. Rows must not depend on how they are cut into
// batches, so keep nothing in variables of the package.
package guest
