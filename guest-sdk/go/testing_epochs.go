package guest

import (
	"fmt"
	"maps"
	"math"
	"slices"
)

// KeySetting is what a test of a keyed operator says besides the rows.
type KeySetting struct {
	Options any // as encoding/json takes it
	// Key has the columns of the operator's key.
	Key  []string
	Seed uint64
}

// Epochs is a run of a keyed operator: what the engine would keep between epochs. Each call is an epoch: rows are grouped by key, keys
// get their state and the timers that are due, and what the operator answers is applied as the engine does.
type Epochs struct {
	of      *operator
	setting KeySetting
	context Context
	empty   *given
	held    []*heldKey
	tables  []*testTable
}

// heldKey is what is kept of a key.
type heldKey struct {
	name   string
	values []any
	state  []any // nil: none
	timers map[uint32]Timer
}

// Start is a run without state and timers, before its first epoch.
func Start(of *operator, setting KeySetting) *Epochs {
	tables := testTables(of.byKey.tables)
	return &Epochs{of: of, setting: setting, context: Context{seed: setting.Seed, watermark: math.MinInt64}, tables: tables}
}

// Rows is an epoch with rows. All epochs have the same columns.
func (e *Epochs) Rows(rows Columns) (Out, error) {
	given, err := givenOf(rows)
	if err != nil {
		return Out{}, err
	}
	if e.empty == nil {
		none := given
		none.count, none.columns = 0, maps.Clone(given.columns)
		for name, column := range none.columns {
			column.values = nil
			none.columns[name] = column
		}
		e.empty = &none
	}
	for name, column := range given.columns {
		if was := e.empty.columns[name]; column.format != was.format {
			return Out{}, fmt.Errorf("column `%s` had another type in the first epoch", name)
		}
	}
	return e.run(given, nil)
}

// RowsUntil is an epoch with rows, after which the watermark is as said: timers that it makes due are in the same call.
func (e *Epochs) RowsUntil(rows Columns, watermark Timestamp) (Out, error) {
	e.context.watermark = int64(watermark)
	return e.Rows(rows)
}

// Watermark is an epoch without rows that only advances event time.
func (e *Epochs) Watermark(watermark Timestamp) (Out, error) {
	e.context.watermark = int64(watermark)
	return e.run(*e.empty, nil)
}

// Now is an epoch without rows at this processing time, which the next ones keep.
func (e *Epochs) Now(now Timestamp) (Out, error) {
	e.context.now = int64(now)
	return e.run(*e.empty, nil)
}

// Expire is an epoch in which the time to live of all keys with state ends.
func (e *Epochs) Expire() (Out, error) {
	var expiring []*heldKey
	for _, key := range e.held {
		hasRows := slices.ContainsFunc(e.tables, func(table *testTable) bool { return len(table.rows[key]) > 0 })
		if key.state != nil || hasRows {
			expiring = append(expiring, key)
		}
	}
	return e.run(*e.empty, expiring)
}

// State is the keys that have state, and their state.
func (e *Epochs) State() map[string][]any {
	state := map[string][]any{}
	for _, name := range e.setting.Key {
		state[name] = []any{}
	}
	for _, of := range e.of.byKey.kept {
		state[of.column] = []any{}
	}
	for _, key := range e.held {
		if key.state == nil {
			continue
		}
		for at, name := range e.setting.Key {
			state[name] = append(state[name], key.values[at])
		}
		for at, of := range e.of.byKey.kept {
			state[of.column] = append(state[of.column], key.state[at])
		}
	}
	return state
}

// Timers is the timers that are set, in order of time.
func (e *Epochs) Timers() []Timer {
	var timers []Timer
	for _, key := range e.held {
		timers = slices.AppendSeq(timers, maps.Values(key.timers))
	}
	slices.SortFunc(timers, byTime)
	return timers
}

func byTime(a, b Timer) int { return int(a.At - b.At) }

func (e *Epochs) find(values []any) *heldKey {
	name := fmt.Sprintf("%T%v", values, values)
	for _, key := range e.held {
		if key.name == name {
			return key
		}
	}
	key := &heldKey{name: name, values: values, timers: map[uint32]Timer{}}
	e.held = append(e.held, key)
	return key
}

func (e *Epochs) run(rows given, expiring []*heldKey) (Out, error) {
	e.context.epoch++
	agreed, err := e.of.open([]input{rows.input(e.setting.Key)}, optionsOf(e.setting.Options))
	if err != nil {
		return Out{}, err
	}
	call := keyedCall{}
	var called []*heldKey
	place := func(key *heldKey) uint32 {
		if at := slices.Index(called, key); at >= 0 {
			return uint32(at)
		}
		called = append(called, key)
		return uint32(len(called) - 1)
	}
	var places []uint32
	order := upTo(0, rows.count)
	for row := range rows.count {
		places = append(places, place(e.find(rows.values(e.setting.Key, row))))
	}
	slices.SortStableFunc(order, func(a, b int) int { return int(places[a]) - int(places[b]) })
	for _, key := range e.held {
		for id, timer := range key.timers {
			now := e.context.watermark
			if timer.Processing {
				now = e.context.now
			}
			if int64(timer.At) <= now {
				delete(key.timers, id)
				call.due = append(call.due, keyTimer{place(key), timer})
			}
		}
	}
	slices.SortFunc(call.due, func(a, b keyTimer) int { return byTime(a.Timer, b.Timer) })
	for _, key := range expiring {
		place(key)
	}
	end := uint32(0)
	keys := given{names: e.setting.Key, columns: map[string]testColumn{}, count: len(called)}
	for at := range called {
		for _, of := range places {
			if of == uint32(at) {
				end++
			}
		}
		call.ends = append(call.ends, end)
		call.expiring = append(call.expiring, 0)
		if slices.Contains(expiring, called[at]) {
			call.expiring[at] = 1
		}
	}
	for at, name := range e.setting.Key {
		column := testColumn{format: rows.columns[name].format}
		for _, key := range called {
			column.values = append(column.values, key.values[at])
		}
		keys.columns[name] = column
	}
	call.rows, call.keys = rows.table(agreed.reads, order), keys.table(e.setting.Key, upTo(0, len(called)))
	if len(e.of.byKey.kept) > 0 {
		call.state = []table{e.states(called)}
	}
	recorder := &recorded{}
	host = recorder
	defer func() { host = silent{} }()
	current = e.context
	e.context.firstRow += uint64(rows.count)
	stored = testState{e.tables, e.ownTables(), called}
	defer func() { stored = nil }()
	made := e.of.byKey.process(call)
	e.apply(called, made)
	for _, key := range expiring {
		key.state, key.timers = nil, map[uint32]Timer{}
		for _, table := range e.tables {
			delete(table.rows, key)
		}
	}
	out := e.assembled(agreed, made, rows, called, order)
	out.Logs = recorder.lines
	return out, nil
}

// ownTables is how many tables the contract has before lists and maps.
func (e *Epochs) ownTables() uint32 {
	if len(e.of.byKey.kept) > 0 {
		return 1
	}
	return 0
}

func (e *Epochs) states(called []*heldKey) table {
	kept := table{rows: len(called)}
	for at, of := range e.of.byKey.kept {
		column := testColumn{format: of.format}
		for _, key := range called {
			var value any
			if key.state != nil {
				value = key.state[at]
			}
			column.values = append(column.values, value)
		}
		kept.nodes = append(kept.nodes, column.node(upTo(0, len(called))))
	}
	return kept
}

// apply applies changes of state and timers.
func (e *Epochs) apply(called []*heldKey, made keyedOutput) {
	for row, key := range made.changed {
		state := []any{}
		for at, of := range e.of.byKey.kept {
			state = append(state, valuesOf(made.state.nodes[at], of.format)[row])
		}
		called[key].state = state
		if made.kinds[row] == 1 {
			called[key].state = nil
		}
	}
	for _, change := range made.tables {
		e.tables[change.table-e.ownTables()].apply(called, change)
	}
	for _, change := range made.timers {
		timers := called[change.key].timers
		delete(timers, change.ID)
		if !change.cleared {
			timers[change.ID] = change.Timer
		}
	}
}

// assembled is what the engine would carry across, put together with what was computed. An origin of -1 is none.
func (e *Epochs) assembled(agreed contract, made keyedOutput, rows given, called []*heldKey, order []int) Out {
	left := made.ports
	if left == nil {
		left = []portOutput{{0, made.rows, made.keys, made.origin, made.nodes}}
	}
	out := outOf(agreed, left, nil, func(of portOutput) ([]int, func(column string) []any) {
		origin := make([]int, of.rows)
		for i := range origin {
			origin[i] = -1
			if of.origin != nil && of.origin[i] != noOrigin {
				origin[i] = order[of.origin[i]]
			}
		}
		return origin, func(column string) []any {
			inKey := slices.Index(e.setting.Key, column)
			return each(of.rows, func(row int) any {
				switch {
				case inKey >= 0:
					return called[of.keys[row]].values[inKey]
				case origin[row] >= 0:
					return rows.columns[column].values[origin[row]]
				}
				return nil
			})
		}
	})
	for _, rejection := range made.rejected {
		out.Rejected[order[rejection.row]] = rejection.reason
	}
	return out
}
