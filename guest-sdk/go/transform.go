package guest

import (
	"fmt"
	"reflect"
	"slices"
	"unsafe"
)

// A Verdict says what becomes of a row.
type Verdict uint8

const (
	// Leave leaves the row out.
	Leave Verdict = iota
	// Keep lets what was made leave.
	Keep
	rejected
)

// pending is why the row that the function looks at is rejected. A Verdict without it is returned in a register.
var pending string

// KeepIf keeps the row if the condition holds.
func KeepIf(condition bool) Verdict {
	if condition {
		return Keep
	}
	return Leave
}

// Reject refuses the row, which goes to operator.rejected with the reason.
func Reject(reason string) Verdict {
	pending = reason
	return rejected
}

// NoOptions is for operators without any.
type NoOptions struct{}

// operator is a module's function or type, with what the exported functions need to know of it.
type operator struct {
	kind         string // of its interface
	reads, makes []field
	rules        []Rule
	ports        []outPort // if there are several outputs
	at           *emission // for them
	tables       []SideTable
	options      func(text []byte) error
	run          func(columns []column, rows int, skip []bool, out *results)
	fold         *folding
	byKey        *keying
	byPair       *joining
	asking       *asking
	planned      plan
}

// theOperator is the module's.
var theOperator *operator

// results collects what a batch comes to.
type results struct {
	made     []made
	origin   []uint32
	rejected []rejection
}

func register(of *operator) *operator {
	if theOperator != nil && isComponent {
		panic("guest: a module holds one operator; a second one is a second module")
	}
	if of.tables = sideTables(of.rules); len(of.tables) > 0 && of.kind != "transform" {
		panic("guest: side tables are for transforms")
	}
	theOperator = of
	return of
}

// Transform makes a function of one row the module's operator: a map that may leave rows out and refuse them.
func Transform[In, Out, Options any](function func(In, *Options) (Out, Verdict), rules ...Rule) *operator {
	defer explain()
	of, _ := transformOf(function, rules)
	return register(of)
}

func transformOf[In, Out, Options any](function func(In, *Options) (Out, Verdict), rules []Rule) (*operator, *Options) {
	options := new(Options)
	of := describe[In, Out](options, rules)
	var in [blockRows]In
	var out [blockRows]Out
	of.run = func(columns []column, rows int, skip []bool, results *results) {
		results.origin = make([]uint32, 0, rows)
		var keep [blockRows]int32
		blocks(columns, rows, unsafe.Pointer(&in), unsafe.Sizeof(in[0]), func(start, rows int) {
			count := 0
			for i := range rows {
				if skip != nil && skip[start+i] {
					continue
				}
				current.enter(uint32(start + i))
				made, verdict := function(in[i], options)
				if verdict == rejected {
					results.reject(start + i)
					continue
				}
				// Without a branch on whether the row is kept, which nobody could foresee.
				out[i] = made
				keep[count&(blockRows-1)] = int32(i)
				count += int(verdict)
			}
			for _, row := range keep[:count] {
				results.origin = append(results.origin, uint32(start)+uint32(row))
			}
			results.store(keep[:count], unsafe.Pointer(&out), unsafe.Sizeof(out[0]))
		})
	}
	return of, options
}

// Filter makes a function of one row the module's operator: it computes nothing.
func Filter[In, Options any](function func(In, *Options) Verdict, rules ...Rule) *operator {
	return Transform(func(in In, options *Options) (struct{}, Verdict) { return struct{}{}, function(in, options) }, rules...)
}

// FlatMap makes a function of one row the module's operator: it emits any number of rows. What it emitted before it rejects
// the row is forgotten.
func FlatMap[In, Out, Options any](function func(row In, options *Options, emit func(Out)) Verdict, rules ...Rule) *operator {
	defer explain()
	options := new(Options)
	of := describe[In, Out](options, rules)
	var in [blockRows]In
	of.run = func(columns []column, rows int, skip []bool, results *results) {
		var out []Out
		emit := func(made Out) { out = append(out, made) }
		blocks(columns, rows, unsafe.Pointer(&in), unsafe.Sizeof(in[0]), func(start, rows int) {
			out = out[:0]
			for i := range rows {
				if skip != nil && skip[start+i] {
					continue
				}
				current.enter(uint32(start + i))
				before := len(out)
				if function(in[i], options, emit) == rejected {
					out = out[:before]
					results.reject(start + i)
				}
				for range len(out) - before {
					results.origin = append(results.origin, uint32(start+i))
				}
			}
			all := make([]int32, len(out))
			for i := range all {
				all[i] = int32(i)
			}
			if len(out) > 0 {
				results.store(all, unsafe.Pointer(unsafe.SliceData(out)), unsafe.Sizeof(out[0]))
			}
		})
	}
	return register(of)
}

func describe[In, Out, Options any](options *Options, rules []Rule) *operator {
	return describeAs[In, Out](fieldsOf, options, rules)
}

func describeAs[In, Out, Options any](fields func(reflect.Type) []field, options *Options, rules []Rule) *operator {
	of := &operator{kind: "transform", reads: fields(reflect.TypeFor[In]()), makes: fields(reflect.TypeFor[Out]()), rules: rules}
	of.options = func(text []byte) error {
		*options = *new(Options)
		return readOptions(text, reflect.ValueOf(options).Elem())
	}
	return of
}

// blocks fills the block with rows after rows, and calls for each filling.
func blocks(columns []column, rows int, block unsafe.Pointer, stride uintptr, each func(start, rows int)) {
	for start := 0; start < rows; start += blockRows {
		count := min(blockRows, rows-start)
		for i := range columns {
			columns[i].load(start, count, block, stride)
		}
		each(start, count)
	}
}

// reject takes the reason that Reject left.
func (r *results) reject(row int) {
	r.rejected = append(r.rejected, rejection{uint32(row), pending})
	pending = ""
}

func (r *results) store(kept []int32, block unsafe.Pointer, stride uintptr) {
	for i := range r.made {
		r.made[i].store(kept, block, stride)
	}
}

// open answers with the contract, or with words for the job's owner.
func (o *operator) open(inputs []input, options []byte) (contract, error) {
	if err := o.options(options); err != nil {
		return contract{}, err
	}
	var key []string
	if o.byPair != nil {
		return o.openPair(inputs)
	}
	if o.byKey != nil {
		edge, err := onlyInput(inputs)
		if err != nil {
			return contract{}, err
		}
		if o.byKey.planned, err = fitKey(edge, o.byKey.keys); err != nil {
			return contract{}, err
		}
		key = edge.key
	}
	agreed, planned, err := fit(inputs, o.reads, o.outs(), o.rules, key)
	o.planned = planned
	for _, table := range o.tables {
		if err == nil {
			err = table.open(inputs)
		}
		agreed.sideTables = append(agreed.sideTables, table.table())
	}
	switch {
	case o.fold != nil:
		agreed.table, agreed.kept, agreed.version = "accumulator", o.fold.kept, stateVersion
		agreed.ordered, agreed.retracts = has(o.rules, ruleOrdered), o.fold.retract != nil
	case o.byKey != nil:
		agreed.version = stateVersion + uint32(len(o.byKey.migrations))
		if len(o.byKey.kept) > 0 {
			agreed.table, agreed.kept = stateTable, o.byKey.kept
		}
		for _, table := range o.byKey.tables {
			agreed.tables = append(agreed.tables, table.describe())
		}
	}
	return agreed, err
}

// columns are those that rows are read from.
func (o *operator) columns(rows int, nodes []node) []column {
	columns := make([]column, len(o.reads))
	for i, read := range o.reads {
		columns[i] = view(read, nodes[i], o.planned.formats[i], rows)
	}
	return columns
}

func (o *operator) process(rows int, nodes []node) output {
	columns := o.columns(rows, nodes)
	results := o.results()
	skip := refuseNulls(columns, rows, &results)
	o.run(columns, rows, skip, &results)
	if o.ports != nil {
		slices.SortFunc(results.rejected, byRow)
		return output{rejected: results.rejected, ports: o.taken(rows)}
	}
	out := output{rows: len(results.origin), origin: results.origin, rejected: results.rejected}
	out.nodes = o.ordered(results.made)
	if skip != nil {
		slices.SortFunc(out.rejected, byRow)
	}
	if len(out.origin) == rows && isCounting(out.origin) {
		out.origin = nil
	}
	return out
}

// results is what a call comes to.
func (o *operator) results() results { return resultsOf(o.makes) }

func resultsOf(makes []field) results {
	// No origins are those of no rows; nil would say row for row.
	results := results{made: make([]made, len(makes)), origin: []uint32{}}
	for i, field := range makes {
		results.made[i].field = field
	}
	return results
}

// ordered is the columns of the main output in the order of the contract.
func (o *operator) ordered(made []made) []node { return ordered(made, o.planned.orders[0]) }

func ordered(made []made, order []int) []node {
	var nodes []node
	for _, at := range order {
		nodes = append(nodes, made[at].node())
	}
	return nodes
}

func byRow(a, b rejection) int { return int(a.row) - int(b.row) }

func isCounting(origin []uint32) bool {
	for i, from := range origin {
		if from != uint32(i) {
			return false
		}
	}
	return true
}

// refuseNulls rejects rows with a null where the function takes none; nil says that there is none.
func refuseNulls(columns []column, rows int, results *results) []bool {
	var skip []bool
	for i := range columns {
		column := &columns[i]
		if column.nullable || column.validity == nil {
			continue
		}
		if skip == nil {
			skip = make([]bool, rows)
		}
		reason := fmt.Sprintf("`%s` is null", column.column)
		for row := range rows {
			if !skip[row] && !bit(column.validity, row) {
				skip[row] = true
				results.rejected = append(results.rejected, rejection{uint32(row), reason})
			}
		}
	}
	return skip
}
