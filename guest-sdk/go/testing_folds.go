package guest

import (
	"fmt"
	"math"
	"reflect"
	"slices"
)

// FoldSetting is what a test of an aggregate says besides the rows.
type FoldSetting struct {
	Options any // as encoding/json takes it
	// Key has the columns that group the rows; groups are in the order in which they come first.
	Key []string
	// Window is all of time, if nothing is said.
	Window Window
	Now    int64
	Seed   uint64
	// Tolerance is how far floats may be apart when rows are folded in parts, relative to their size; 1e-9, if nothing is said.
	Tolerance float64
}

// rowsAloneMax is rows that a test merges one by one.
const rowsAloneMax = 64

// folds is the ways in which the rows of a test are folded.
type folds struct {
	of      *operator
	agreed  contract
	given   given
	setting FoldSetting
	keys    [][]any
	slots   []uint32
}

// Fold folds rows with an aggregate, without an engine and without WebAssembly; a result begins with its key. The engine folds the
// rows of a group in parts, merges them in any brackets, and merges accumulators of no rows; so does this, and an answer that depends on
// how it is done is an error.
func Fold(of *operator, rows Columns, setting FoldSetting) (Out, error) {
	if setting.Window == (Window{}) {
		setting.Window = Window{math.MinInt64, math.MaxInt64, OnTime}
	}
	if setting.Tolerance == 0 {
		setting.Tolerance = 1e-9
	}
	given, err := givenOf(rows)
	if err != nil {
		return Out{}, err
	}
	agreed, err := of.open([]input{given.input(setting.Key)}, optionsOf(setting.Options))
	if err != nil {
		return Out{}, err
	}
	f := folds{of: of, agreed: agreed, given: given, setting: setting}
	f.group()
	recorder := &recorded{}
	host = recorder
	defer func() { host = silent{} }()
	out := f.finish(f.folded(0, given.count))
	out.Logs = slices.Clone(recorder.lines)
	for _, way := range f.variants() {
		other := f.finish(way.accumulators)
		if err := f.compare("folding all rows at once", out, way.how, other, way.tolerance); err != nil {
			return out, err
		}
	}
	if of.fold.retract != nil {
		left, stay := f.takenBack()
		err := f.compare("never folding every other row", f.finish(stay), "folding all, and taking every other row back", f.finish(left), 0)
		if err != nil {
			return out, err
		}
	}
	for at, name := range setting.Key {
		values := []any{}
		for _, group := range out.Origin {
			values = append(values, f.keys[group][at])
		}
		out.Main[name] = values
	}
	return out, nil
}

func (f *folds) group() {
	// Without a key there is one group, even of no rows.
	if len(f.setting.Key) == 0 {
		f.keys = [][]any{{}}
	}
	for row := range f.given.count {
		key := f.given.values(f.setting.Key, row)
		slot := slices.IndexFunc(f.keys, func(other []any) bool { return reflect.DeepEqual(key, other) })
		if len(f.setting.Key) == 0 {
			slot = 0
		}
		if slot < 0 {
			slot = len(f.keys)
			f.keys = append(f.keys, key)
		}
		f.slots = append(f.slots, uint32(slot))
	}
}

// nothing is accumulators of all groups, into which nothing was folded.
func (f *folds) nothing() table {
	groups := len(f.keys)
	none := table{rows: groups}
	for _, of := range f.of.fold.kept {
		column := testColumn{format: of.format, values: make([]any, groups)}
		none.nodes = append(none.nodes, column.node(upTo(0, groups)))
	}
	return none
}

func (f *folds) into(accumulators table, start, end int) table {
	return f.changed(f.of.fold.accumulate, accumulators, upTo(start, end))
}

func (f *folds) changed(by changing, accumulators table, rows []int) table {
	current = Context{epoch: 1, now: f.setting.Now, seed: f.setting.Seed, watermark: math.MinInt64}
	slots := make([]uint32, len(rows))
	for i, row := range rows {
		slots[i] = f.slots[row]
	}
	if len(rows) > 0 {
		current.firstRow = uint64(rows[0])
	}
	return f.of.changed(by, f.given.table(f.agreed.reads, rows), slots, accumulators)
}

// takenBack is all rows, of which every other one of each group was taken back, and those that stay. A group's first row does: the
// engine drops a group that has none left.
func (f *folds) takenBack() (left, stay table) {
	before := make([]int, len(f.keys))
	var rows [2][]int
	for row, group := range f.slots {
		rows[before[group]%2] = append(rows[before[group]%2], row)
		before[group]++
	}
	left = f.changed(f.of.fold.retract, f.folded(0, f.given.count), rows[1])
	return left, f.changed(f.of.fold.accumulate, f.nothing(), rows[0])
}

// compare tells two ways to a result apart.
func (f *folds) compare(one string, left Out, other string, right Out, tolerance float64) error {
	if f.isSame(left.Main, right.Main, tolerance) && reflect.DeepEqual(left.Rejected, right.Rejected) {
		return nil
	}
	return fmt.Errorf("%s differs from %s:\n  %v %v\n  %v %v", one, other, left.Main, left.Rejected, right.Main, right.Rejected)
}

func (f *folds) folded(start, end int) table { return f.into(f.nothing(), start, end) }

type foldWay struct {
	how          string
	accumulators table
	tolerance    float64
}

// variants are the same rows, folded and merged in other ways.
func (f *folds) variants() []foldWay {
	rows, merge := f.given.count, f.of.fold.merge
	third := rows / 3
	first, second, last := f.folded(0, third), f.folded(third, rows-third), f.folded(rows-third, rows)
	whole, alone, each := f.folded(0, rows), min(rows, rowsAloneMax), f.nothing()
	for row := range alone {
		each = merge(each, f.folded(row, row+1))
	}
	ways := []foldWay{
		{how: "folding them one batch after another", accumulators: f.into(f.into(f.folded(0, third), third, rows-third), rows-third, rows)},
		{how: "merging three parts, the first two first", accumulators: merge(merge(first, second), last)},
		{how: "merging three parts, the last two first", accumulators: merge(first, merge(second, last))},
		{how: "merging them with no rows before", accumulators: merge(f.nothing(), whole)},
		{how: "merging them with no rows after", accumulators: merge(whole, f.nothing())},
		{how: "merging every row on its own", accumulators: merge(each, f.folded(alone, rows))},
	}
	if !f.agreed.ordered {
		opposite := merge(last, merge(second, first))
		ways = append(ways, foldWay{how: "merging three parts in the opposite order (is it Ordered?)", accumulators: opposite})
	}
	for i := range ways {
		ways[i].tolerance = f.setting.Tolerance
	}
	if back := f.of.fold.retract; back != nil {
		// Windows slide for months, and errors would add up.
		twice := f.changed(back, f.into(whole, 0, rows), upTo(0, rows))
		ways = append(ways, foldWay{how: "folding them twice, and taking the first of each back", accumulators: twice})
	}
	return ways
}

func (f *folds) finish(accumulators table) Out {
	windows := make([]Window, len(f.keys))
	for i := range windows {
		windows[i] = f.setting.Window
	}
	return assembled(f.agreed, f.of.finish(windows, accumulators), nil, 0)
}

func (f *folds) isSame(left, right map[string][]any, tolerance float64) bool {
	isNear := func(left, right any) bool { return isNear(left, right, tolerance) }
	for name, values := range left {
		if !slices.EqualFunc(values, right[name], isNear) {
			return false
		}
	}
	return len(left) == len(right)
}

func isNear(left, right any, tolerance float64) bool {
	a, isA := left.(float64)
	b, isB := right.(float64)
	if !isA || !isB || math.IsInf(a, 0) || math.IsInf(b, 0) {
		return reflect.DeepEqual(left, right)
	}
	return a == b || math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) <= tolerance*max(math.Abs(a), math.Abs(b))
}
