package guest

import (
	"bytes"
	"fmt"
	"iter"
	"math"
	"reflect"
	"slices"
	"sort"
	"unsafe"
)

// noOrigin is that of rows that have none.
const noOrigin = math.MaxUint32

// NoKey is for keyed functions that do not look at their key.
type NoKey struct{}

// NoState is for keyed functions that keep nothing.
type NoState struct{}

// A Timer is a number of the module's own and a time; a key has one of each number.
type Timer struct {
	ID uint32
	// At is what it was set for. The time now may be later.
	At Timestamp
	// Processing says that it waits for the epoch's processing time, not for the watermark.
	Processing bool
}

// A Call is one key with what is kept for it, its rows and its timers.
type Call[Key, State, In, Out any] struct {
	Key Key
	// State is nil if nothing is kept, and to keep nothing any more.
	State *State
	// Rows are in the order in which they came; there may be none.
	Rows []In
	// Expiring says that the key's time to live has ended: this is its last call, and its state is dropped after it.
	Expiring bool

	place   uint32
	numbers []uint32 // of Rows, in the batch
	due     []Timer
	changed []uint32 // timers
	sink    *keyedSink[Out]
	ports   *Out // if it is a struct of them
}

// keyedSink collects what all calls of a batch come to.
type keyedSink[Out any] struct {
	made          []Out
	keys, origins []uint32
	rejected      map[uint32]string
	timers        []timerChange
}

// Emit emits a row that no single row stands for. Columns that pass, beside the key and the event time, are null.
func (c *Call[Key, State, In, Out]) Emit(made Out) { c.emit(made, noOrigin) }

// EmitFrom emits a row that came from Rows[row]: it has that row's event time and, if any pass, its columns.
func (c *Call[Key, State, In, Out]) EmitFrom(row int, made Out) { c.emit(made, c.numbers[row]) }

// Ports is the outputs, where Out is a struct of them: each has an Emit and an EmitFrom of its own.
func (c *Call[Key, State, In, Out]) Ports() *Out {
	if c.ports == nil {
		panic(fmt.Sprintf("guest: the first field of %s is no guest.Port, so there is one output: Emit", reflect.TypeFor[Out]()))
	}
	return c.ports
}

func (c *Call[Key, State, In, Out]) emit(made Out, origin uint32) {
	if c.ports != nil {
		panic("guest: there are several outputs: call Emit or EmitFrom of one of call.Ports()")
	}
	c.sink.made = append(c.sink.made, made)
	c.sink.keys = append(c.sink.keys, c.place)
	c.sink.origins = append(c.sink.origins, origin)
}

// Reject refuses Rows[row], which goes to operator.rejected with the reason. The first reason counts.
func (c *Call[Key, State, In, Out]) Reject(row int, reason string) {
	if _, is := c.sink.rejected[c.numbers[row]]; !is {
		c.sink.rejected[c.numbers[row]] = reason
	}
}

// At makes Current speak of Rows[row]; before, it speaks of the first.
func (c *Call[Key, State, In, Out]) At(row int) { current.enter(c.numbers[row]) }

// Due is the timers that are due, in order of time. One that this call has set again or cleared is not: what rows do comes first.
func (c *Call[Key, State, In, Out]) Due() iter.Seq[Timer] {
	return func(yield func(Timer) bool) {
		for _, timer := range c.due {
			if !slices.Contains(c.changed, timer.ID) && !yield(timer) {
				return
			}
		}
	}
}

// Set sets timer id to be due when the watermark reaches at; if that is past, in the next epoch. The key's timer of the same number
// is moved.
func (c *Call[Key, State, In, Out]) Set(id uint32, at Timestamp) {
	c.change(Timer{id, at, false}, false)
}

// SetProcessing is Set for processing time, see [Context.Now].
func (c *Call[Key, State, In, Out]) SetProcessing(id uint32, at Timestamp) {
	c.change(Timer{id, at, true}, false)
}

// Clear clears timer id, if the key has it.
func (c *Call[Key, State, In, Out]) Clear(id uint32) { c.change(Timer{id, 0, false}, true) }

func (c *Call[Key, State, In, Out]) change(timer Timer, cleared bool) {
	c.changed = append(c.changed, timer.ID)
	c.sink.timers = append(c.sink.timers, timerChange{keyTimer{c.place, timer}, cleared})
}

// keying is what the interface keyed asks for.
type keying struct {
	keys    []field
	planned []plannedKey
	kept    []field
	tables  []storedTable
	process func(call keyedCall) keyedOutput
	// of each version before this one
	migrations []*migration
}

// passKey lets the columns of the key pass, if no rule says which do.
func passKey(rules []Rule, key []string) []Rule {
	if has(rules, rulePass, rulePassAll, rulePassNone) {
		return rules
	}
	rules = slices.Clone(rules)
	for _, column := range key {
		rules = append(rules, Pass(column))
	}
	return rules
}

// Keyed makes a function of one key the module's operator. It is called for each key that has rows, a timer that is due, or has come to
// the end of its time to live. Only keys whose state differs afterwards cost a write. Of the input, the columns of the key leave, if no
// rule says otherwise; others are null in rows that were emitted from no row, so they must be nullable if there are any.
func Keyed[Key, State, In, Out, Options any](function func(*Call[Key, State, In, Out], *Options), rules ...Rule) *operator {
	defer explain()
	return keyedWith(function, nil, rules)
}

// KeyedTables is Keyed for a function that keeps lists and maps as well. The fields of Tables, each a [List] or a [Map], are those of the key
// whose call it is; a field's name is the table's.
func KeyedTables[Key, State, In, Out, Tables, Options any](
	function func(*Call[Key, State, In, Out], *Tables, *Options), rules ...Rule,
) *operator {
	defer explain()
	tables := new(Tables)
	with := func(call *Call[Key, State, In, Out], options *Options) { function(call, tables, options) }
	return keyedWith(with, tablesOf(tables), rules)
}

func keyedWith[Key, State, In, Out, Options any](
	function func(*Call[Key, State, In, Out], *Options), tables []storedTable, rules []Rule,
) *operator {
	options := new(Options)
	of, outputs := withPorts[In, Out](options, rules)
	of.kind = "keyed"
	by := &keying{keys: fieldsOf(reflect.TypeFor[Key]()), kept: keptOf[State](), tables: tables}
	for at, table := range tables {
		if len(by.kept) > 0 {
			at++
		}
		table.place(uint32(at))
	}
	if len(by.kept) > 0 && !slices.ContainsFunc(by.kept, func(of field) bool { return !of.nullable }) {
		panic(fmt.Sprintf("guest: a row of nulls is no state, so one field of %s at least is no Null", reflect.TypeFor[State]()))
	}
	by.migrations = migrationsOf(rules, reflect.TypeFor[State]())
	of.byKey = by
	by.process = func(call keyedCall) keyedOutput {
		shown, numbers, refused := shownOf[In](of.columns(call.rows.rows, call.rows.nodes), call.rows.rows)
		keys, whyRefused := shownKeys[Key](by.keys, by.planned, call.keys)
		var states, before []State
		if len(by.kept) > 0 {
			states, before = loadKept[State](by.kept, call.state[0]), loadKept[State](by.kept, call.state[0])
			for i := range before {
				cloneBytes(by.kept, unsafe.Pointer(&before[i]))
			}
		}
		sink := &keyedSink[Out]{rejected: refused}
		due := map[uint32][]Timer{}
		for _, timer := range call.due {
			due[timer.key] = append(due[timer.key], timer.Timer)
		}
		var out keyedOutput
		var changed []State
		start, first := 0, uint32(0)
		for place, end := range call.ends {
			key := uint32(place)
			last := sort.Search(len(numbers), func(i int) bool { return numbers[i] >= end })
			one := Call[Key, State, In, Out]{
				Key: keys[place], Rows: shown[start:last:last], Expiring: call.expiring[place] != 0,
				place: key, numbers: numbers[start:last], due: due[key], sink: sink, ports: outputs,
			}
			current.enter(first)
			start, first = last, end
			if len(one.Rows) == 0 && len(one.due) == 0 && !one.Expiring {
				continue
			}
			if why, is := whyRefused[place]; is {
				for row := range one.Rows {
					one.Reject(row, why)
				}
				continue
			}
			if len(one.Rows) > 0 {
				one.At(0)
			}
			had := len(by.kept) > 0 && !isNothing(call.state[0], place)
			if had {
				one.State = &states[place]
			}
			for _, table := range tables {
				table.enter(key)
			}
			if outputs != nil {
				*of.at = emission{key, noOrigin, one.numbers}
			}
			function(&one, options)
			for _, table := range tables {
				table.leave()
			}
			switch {
			case len(by.kept) == 0 || one.State == nil && !had:
			case one.State == nil:
				out.note(key, 1)
				changed = append(changed, *new(State))
			case !had || !isSame(by.kept, unsafe.Pointer(one.State), unsafe.Pointer(&before[place])):
				out.note(key, 0)
				changed = append(changed, *one.State)
			}
		}
		out.state = storeKept(by.kept, changed)
		for _, table := range tables {
			if change := table.changes(); len(change.keys) > 0 {
				out.tables = append(out.tables, change)
			}
		}
		take(&out, of, sink)
		return out
	}
	return register(of)
}

// note notes a change: 0 put, 1 delete.
func (o *keyedOutput) note(key uint32, kind byte) {
	o.changed = append(o.changed, key)
	o.kinds = append(o.kinds, kind)
}

// take takes what was emitted and refused.
func take[Out any](o *keyedOutput, of *operator, sink *keyedSink[Out]) {
	o.timers, o.rejected = sink.timers, inOrder(sink.rejected)
	if of.ports != nil {
		o.ports = of.taken(-1)
		for at := range o.ports {
			o.ports[at].origin = anyOrigin(o.ports[at].origin)
		}
		return
	}
	o.rows, o.nodes = len(sink.made), of.ordered(storedRows(of.makes, sink.made))
	o.keys, o.origin = sink.keys, anyOrigin(sink.origins)
}

// anyOrigin is nil if no row has one.
func anyOrigin(origins []uint32) []uint32 {
	if slices.ContainsFunc(origins, func(row uint32) bool { return row != noOrigin }) {
		return origins
	}
	return nil
}

// storedRows is the columns of rows that were made.
func storedRows[Out any](makes []field, rows []Out) []made {
	results := resultsOf(makes)
	all := make([]int32, len(rows))
	for i := range all {
		all[i] = int32(i)
	}
	if len(rows) > 0 {
		results.store(all, unsafe.Pointer(unsafe.SliceData(rows)), unsafe.Sizeof(rows[0]))
	}
	return results.made
}

// inOrder is rejections in order of their rows.
func inOrder(refused map[uint32]string) []rejection {
	var rejected []rejection
	for row, reason := range refused {
		rejected = append(rejected, rejection{row, reason})
	}
	slices.SortFunc(rejected, func(a, b rejection) int { return int(a.row) - int(b.row) })
	return rejected
}

// shownOf is the rows without a null where the function takes none, their numbers, and why the others are refused.
func shownOf[In any](columns []column, rows int) ([]In, []uint32, map[uint32]string) {
	var results results
	skip := refuseNulls(columns, rows, &results)
	refused := map[uint32]string{}
	for _, rejection := range results.rejected {
		refused[rejection.row] = rejection.reason
	}
	all := make([]In, rows)
	loadAll(columns, all)
	shown, numbers := all[:0], make([]uint32, 0, rows)
	for row := range all {
		if skip == nil || !skip[row] {
			shown = append(shown, all[row])
			numbers = append(numbers, uint32(row))
		}
	}
	return shown, numbers, refused
}

// shownKeys is the keys, and why some of them cannot be shown.
func shownKeys[Key any](fields []field, plan []plannedKey, keys table) ([]Key, map[int]string) {
	var columns []column
	for i, planned := range plan {
		columns = append(columns, view(fields[i], keys.nodes[planned.place], planned.format, keys.rows))
	}
	var results results
	refuseNulls(columns, keys.rows, &results)
	why := map[int]string{}
	for _, rejection := range results.rejected {
		why[int(rejection.row)] = rejection.reason
	}
	all := make([]Key, keys.rows)
	loadAll(columns, all)
	return all, why
}

func loadAll[Row any](columns []column, rows []Row) {
	for i := range columns {
		if len(rows) > 0 {
			columns[i].load(0, len(rows), unsafe.Pointer(unsafe.SliceData(rows)), unsafe.Sizeof(rows[0]))
		}
	}
}

func isSame(kept []field, left, right unsafe.Pointer) bool {
	return !slices.ContainsFunc(kept, func(of field) bool { return !of.isSame(left, right) })
}

// cloneBytes keeps what the function may write over.
func cloneBytes(kept []field, of unsafe.Pointer) {
	for _, field := range kept {
		if field.kind == kindBytes {
			at := (*[]byte)(unsafe.Add(of, field.offset))
			*at = bytes.Clone(*at)
		}
	}
}
