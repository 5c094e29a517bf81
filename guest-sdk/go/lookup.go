package guest

import (
	"fmt"
	"reflect"
	"slices"
)

// A Lookup is a side table of a transform: a table of the job, whole, and what the module built of its rows to look up in. It is a variable
// of the package; the rule [With] gives it to a transform.
type Lookup[T any] struct {
	name    string
	fields  []field
	places  []int // of the columns, among the table's nodes
	formats []string
	built   T
	hasCome bool
	ofTable func(columns []column, rows int) (T, error)
}

// NewLookup is a table of this name, and what build makes of its rows. It is called before the first rows, in every instance, and again when the table
// has changed: what it makes is a cache. An error stops the job, as does a null where the row has no Null.
func NewLookup[Row, T any](table string, build func(rows []Row) (T, error)) *Lookup[T] {
	of := &Lookup[T]{name: table, fields: fieldsOf(reflect.TypeFor[Row]())}
	of.ofTable = func(columns []column, count int) (T, error) {
		rows := make([]Row, count)
		loadAll(columns, rows)
		return build(rows)
	}
	return of
}

// Get is what was built of the table as it is now. It must not be changed.
func (l *Lookup[T]) Get() T {
	if !l.hasCome {
		panic(fmt.Sprintf("guest: the table `%s` did not come before the first rows: does the transform have the rule guest.With?", l.name))
	}
	return l.built
}

// SideTable is a [Lookup] of anything.
type SideTable interface {
	table() string
	open(inputs []input) error
	load(rows table) error
}

// With gives a transform side tables.
func With(tables ...SideTable) Rule { return Rule{kind: ruleWith, tables: tables} }

func (l *Lookup[T]) table() string { return l.name }

// open fits what is read to the table on offer.
func (l *Lookup[T]) open(inputs []input) error {
	var offered []string
	for _, in := range inputs {
		if in.mode != "table" {
			continue
		}
		if offered = append(offered, in.name); in.name != l.name {
			continue
		}
		columns, _, formats, err := fitReads(in, l.fields, fmt.Sprintf("the table `%s`", l.name))
		l.formats, l.places = formats, placesOf(in.fields, columns)
		return err
	}
	return fmt.Errorf("this module looks up in the table `%s`, which the operator is not offered: %s", l.name, suggest(l.name, offered))
}

// placesOf is where columns stand among nodes: children of lists and structs have nodes as well.
func placesOf(fields []wireField, columns []string) []int {
	places := make([]int, len(columns))
	skip := uint32(0)
	for place, field := range fields {
		if skip > 0 {
			skip += field.children - 1
			continue
		}
		skip = field.children
		if at := slices.Index(columns, field.name); at >= 0 {
			places[at] = place
		}
	}
	return places
}

// load builds what is looked up in, in the place of what was there.
func (l *Lookup[T]) load(rows table) error {
	// The old one goes first: both may not fit.
	l.built, l.hasCome = *new(T), false
	var columns []column
	for i, of := range l.fields {
		columns = append(columns, view(of, rows.nodes[l.places[i]], l.formats[i], rows.rows))
	}
	for i := range columns {
		for row := 0; columns[i].validity != nil && !columns[i].nullable && row < rows.rows; row++ {
			if !bit(columns[i].validity, row) {
				return fmt.Errorf("the table `%s`: `%s` of row %d is null", l.name, columns[i].column, row)
			}
		}
	}
	built, err := l.ofTable(columns, rows.rows)
	if err != nil {
		return fmt.Errorf("the table `%s`: %w", l.name, err)
	}
	l.built, l.hasCome = built, true
	return nil
}

// sideTables are those that rules name.
func sideTables(rules []Rule) []SideTable {
	var tables []SideTable
	for _, rule := range rules {
		tables = append(tables, rule.tables...)
	}
	return tables
}

// load replaces a side table.
func (o *operator) load(name string, rows table) error {
	for _, table := range o.tables {
		if table.table() == name {
			return table.load(rows)
		}
	}
	return fmt.Errorf("the table `%s` came, but this module did not ask for it", name)
}
