package guest

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"unsafe"
)

// A Window is that of a result. Without windows it is all of time.
type Window struct {
	// Start is the first moment inside, End the first after it.
	Start, End Timestamp
	Pane       Pane
}

// A Pane says when a result leaves, by its window's end.
type Pane uint8

const (
	// Early results are replaced by a later one.
	Early Pane = iota
	OnTime
	// Late results come again, because late rows came.
	Late
)

// changing folds rows into accumulators, or takes them back.
type changing func(columns []column, rows int, skip []bool, slots []uint32, accumulators table) table

// folding is what the interfaces aggregate and retractable ask for.
type folding struct {
	kept       []field
	accumulate changing
	retract    changing // nil if rows cannot be taken back
	merge      func(left, right table) table
	finish     func(windows []Window, accumulators table, out *results)
}

// Aggregate makes three functions the module's operator: a fold of rows into a struct that the engine keeps for each group. Method
// expressions fit: guest.Aggregate((*Spread).Add, (*Spread).Merge, (*Spread).Finish).
//
// The zero value is that of a group into which nothing was folded. add folds a row, merge what later rows came to; finish makes the
// result, which may be left out or rejected. Keys, windows and when results leave are the engine's.
func Aggregate[State, In, Out, Options any](
	add func(*State, In, *Options),
	merge func(state *State, later State, options *Options),
	finish func(*State, Window, *Options) (Out, Verdict),
	rules ...Rule,
) *operator {
	defer explain()
	return register(aggregateOf(add, nil, merge, finish, rules))
}

// RetractableAggregate is an Aggregate that can take rows back, exactly, as if they had never come: for windows with inverse = true, and for
// inputs whose rows are changes. retract undoes add of the same row, which was folded before.
func RetractableAggregate[State, In, Out, Options any](
	add, retract func(*State, In, *Options),
	merge func(state *State, later State, options *Options),
	finish func(*State, Window, *Options) (Out, Verdict),
	rules ...Rule,
) *operator {
	defer explain()
	return register(aggregateOf(add, retract, merge, finish, rules))
}

func aggregateOf[State, In, Out, Options any](
	add, retract func(*State, In, *Options),
	merge func(state *State, later State, options *Options),
	finish func(*State, Window, *Options) (Out, Verdict),
	rules []Rule,
) *operator {
	options := new(Options)
	of := describe[In, Out](options, append(rules, PassNone()))
	of.kind = "aggregate"
	kept := keptOf[State]()
	if len(kept) == 0 {
		panic(fmt.Sprintf("guest: %s has no field, so nothing can be folded into it", reflect.TypeFor[State]()))
	}
	of.fold = &folding{kept: kept, accumulate: changingBy(kept, add, options)}
	if retract != nil {
		of.fold.retract = changingBy(kept, retract, options)
	}
	of.fold.merge = func(left, right table) table {
		states := loadKept[State](kept, left)
		for i, later := range loadKept[State](kept, right) {
			merge(&states[i], later, options)
		}
		return storeKept(kept, states)
	}
	of.fold.finish = func(windows []Window, accumulators table, out *results) {
		var kept []int32
		states := loadKept[State](of.fold.kept, accumulators)
		results := make([]Out, len(states))
		for i := range states {
			current.enter(uint32(i))
			result, verdict := finish(&states[i], windows[i], options)
			switch verdict {
			case rejected:
				out.reject(i)
			case Keep:
				results[i] = result
				kept = append(kept, int32(i))
				out.origin = append(out.origin, uint32(i))
			}
		}
		if len(kept) > 0 {
			out.store(kept, unsafe.Pointer(unsafe.SliceData(results)), unsafe.Sizeof(results[0]))
		}
	}
	return of
}

func changingBy[State, In, Options any](kept []field, change func(*State, In, *Options), options *Options) changing {
	var in [blockRows]In
	return func(columns []column, rows int, skip []bool, slots []uint32, accumulators table) table {
		states := loadKept[State](kept, accumulators)
		blocks(columns, rows, unsafe.Pointer(&in), unsafe.Sizeof(in[0]), func(start, rows int) {
			for i := range rows {
				// A null is no value and is left out, as SQL's aggregates do.
				if skip != nil && skip[start+i] {
					continue
				}
				current.enter(uint32(start + i))
				change(&states[slots[start+i]], in[i], options)
			}
		})
		return storeKept(kept, states)
	}
}

func (o *operator) changed(by changing, rows table, slots []uint32, accumulators table) table {
	columns := o.columns(rows.rows, rows.nodes)
	skip := refuseNulls(columns, rows.rows, &results{})
	return by(columns, rows.rows, skip, slots, accumulators)
}

func (o *operator) finish(windows []Window, accumulators table) output {
	results := o.results()
	o.fold.finish(windows, accumulators, &results)
	out := output{rows: len(results.origin), origin: results.origin, rejected: results.rejected, nodes: o.ordered(results.made)}
	if len(out.origin) == accumulators.rows {
		out.origin = nil
	}
	return out
}

// windowsOf is from buffers of s64, s64 and u8.
func windowsOf(starts, ends, panes []byte) []Window {
	windows := make([]Window, len(panes))
	for i := range windows {
		start, end := binary.LittleEndian.Uint64(starts[i*8:]), binary.LittleEndian.Uint64(ends[i*8:])
		windows[i] = Window{Timestamp(start), Timestamp(end), Pane(panes[i])}
	}
	return windows
}
