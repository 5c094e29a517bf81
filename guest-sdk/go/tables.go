package guest

import (
	"bytes"
	"cmp"
	"fmt"
	"reflect"
	"unsafe"
)

// Lists and maps of state. Nothing of them comes with a call: the function reads what it needs, part by part, as of the call's start, so that
// a key costs what its function reads of it. What the call has changed, later reads of it see; the engine gets the changes when the function
// returns.

// Kinds of changes.
const (
	kindPut = iota
	kindDelete
	kindAppend
)

// Rows of the first part that is read, of the largest, and bytes of a part, about.
const (
	firstRows = 16
	rowsMax   = 4096
	partBytes = 128 << 10
)

// stateSource answers reads: the engine, or a test.
type stateSource interface {
	get(table, key uint32, from, to *table, limit uint32, descending bool) table
}

var stored stateSource

// storedTable is a list or map of one key after the other, with the changes of all.
type storedTable interface {
	declare(name string)
	// place is where the table stands in the contract.
	place(at uint32)
	describe() wireTable
	isList() bool
	enter(key uint32)
	// leave notes what was changed of the key.
	leave()
	// changes takes those of all keys.
	changes() tableChange
}

// tablesOf is the lists and maps that the fields of a struct are.
func tablesOf(tables any) []storedTable {
	of := reflect.ValueOf(tables).Elem()
	if of.Kind() != reflect.Struct {
		panic(fmt.Sprintf("guest: tables are the fields of a struct, and %s is none", of.Type()))
	}
	var all []storedTable
	for i := range of.NumField() {
		part := of.Type().Field(i)
		name := part.Tag.Get("pelton")
		if name == "" {
			name = snake(part.Name)
		}
		var table storedTable
		if part.IsExported() {
			table, _ = of.Field(i).Addr().Interface().(storedTable)
		}
		if table == nil {
			panic(fmt.Sprintf("guest: %s.%s is no guest.List and no guest.Map, or is not exported", of.Type(), part.Name))
		}
		table.declare(name)
		table.describe() // panics where names clash
		all = append(all, table)
	}
	return all
}

// layout is the columns of a row of a list or map: the fields of a struct, or a single value in a column of a name of its own.
func layout(of reflect.Type, single string) []field {
	if of.Kind() == reflect.Struct && !of.Implements(reflect.TypeFor[nullable]()) {
		return fieldsOf(of)
	}
	return []field{fieldOf(single, of.String(), of, 0, false)}
}

// subkey is the columns of a subkey, which have an order that all rows agree on.
func subkey(of reflect.Type) []field {
	fields := layout(of, "key")
	for _, field := range fields {
		if field.nullable || field.format == "f" || field.format == "g" {
			panic(fmt.Sprintf("guest: a subkey has no floats and no Null, but %s is %s", field.goName, field.wants()))
		}
	}
	return fields
}

// entries reads the rows of a table.
type entries[K, V any] struct {
	name           string
	keys, values   []field
	at, key        uint32
	kinds          []byte
	changedKeys    []uint32
	changedSubkeys []K
	changedValues  []V
}

// entry is a row.
type entry[K, V any] struct {
	key   K
	value V
}

// covered is what a part of rows covers: from a subkey, which may be left out, to another, which may be in it; nil is no bound.
type covered[K any] struct {
	low, high *K
	after     bool
	through   bool
}

func (e *entries[K, V]) describe() wireTable {
	names := map[string]bool{}
	for _, fields := range [][]field{e.keys, e.values} {
		for _, field := range fields {
			if names[field.column] {
				panic(fmt.Sprintf("guest: table `%s` has `%s` in its subkey and in its values: rename a field", e.name, field.column))
			}
			names[field.column] = true
		}
	}
	return wireTable{e.name, e.keys, e.values}
}

func (e *entries[K, V]) place(at uint32)  { e.at = at }
func (e *entries[K, V]) enter(key uint32) { e.key = key }

func (e *entries[K, V]) note(kind byte, key K, value V) {
	e.kinds, e.changedKeys = append(e.kinds, kind), append(e.changedKeys, e.key)
	e.changedSubkeys, e.changedValues = append(e.changedSubkeys, key), append(e.changedValues, value)
}

func (e *entries[K, V]) changes() tableChange {
	rows := storeKept(e.keys, e.changedSubkeys)
	rows.nodes = append(rows.nodes, storeKept(e.values, e.changedValues).nodes...)
	change := tableChange{e.at, e.kinds, e.changedKeys, rows}
	e.kinds, e.changedKeys, e.changedSubkeys, e.changedValues = nil, nil, nil, nil
	return change
}

func (e *entries[K, V]) bound(key *K) *table {
	if key == nil {
		return nil
	}
	bound := storeKept(e.keys, []K{*key})
	return &bound
}

// read is the first rows from low (included) to high (excluded), and how many bytes they came in.
func (e *entries[K, V]) read(low, high *K, limit int, backward bool) ([]entry[K, V], int) {
	if stored == nil {
		panic("guest: lists and maps are read in calls that the engine or Start of a test makes")
	}
	found := stored.get(e.at, e.key, e.bound(low), e.bound(high), uint32(limit), backward)
	size := 0
	for _, node := range found.nodes {
		for _, buffer := range node.buffers {
			size += len(buffer)
		}
	}
	// The first column says which key each row is of: the only one that was asked for.
	cut := 1 + len(e.keys)
	keys := loadKept[K](e.keys, table{found.rows, found.nodes[1:cut]})
	values := loadKept[V](e.values, table{found.rows, found.nodes[cut:]})
	rows := make([]entry[K, V], found.rows)
	for i := range rows {
		rows[i] = entry[K, V]{keys[i], values[i]}
	}
	return rows, size
}

// larger is how many rows the next part has, if one had so many rows and bytes.
func larger(limit, rows, size int) int {
	return max(1, min(limit*8, partBytes/max(1, size/max(1, rows)), rowsMax))
}

// parts calls for rows part by part, each with the range that it covers, until it is told to stop.
func (e *entries[K, V]) parts(low, high *K, backward bool, yield func([]entry[K, V], covered[K]) bool) {
	limit, after := firstRows, false
	for {
		// A range goes on from the last row that was seen, which is read again: so subkeys need no successor.
		asked := limit
		if after {
			asked++
		}
		rows, size := e.read(low, high, asked, backward)
		limit = larger(limit, len(rows), size)
		last := len(rows) < asked
		part := covered[K]{low: low, high: high, after: after}
		shown := rows
		if after {
			shown = rows[1:]
		}
		if !last {
			end := &rows[len(rows)-1].key
			if backward {
				part.low, high = end, end
			} else {
				part.high, part.through = end, true
				low, after = end, true
			}
		}
		if !yield(shown, part) || last {
			return
		}
	}
}

// compareBy compares two values of these columns, in the engine's order.
func compareBy(fields []field, left, right unsafe.Pointer) int {
	for _, field := range fields {
		if order := field.compare(unsafe.Add(left, field.offset), unsafe.Add(right, field.offset)); order != 0 {
			return order
		}
	}
	return 0
}

func compareAs[T cmp.Ordered](left, right unsafe.Pointer) int {
	return cmp.Compare(*(*T)(left), *(*T)(right))
}

func (f field) compare(left, right unsafe.Pointer) int {
	switch f.kind {
	case kindString:
		return compareAs[string](left, right)
	case kindBytes:
		return bytes.Compare(*(*[]byte)(left), *(*[]byte)(right))
	case kindBool:
		return compareAs[uint8](left, right)
	}
	switch f.format {
	case "c":
		return compareAs[int8](left, right)
	case "C":
		return compareAs[uint8](left, right)
	case "s":
		return compareAs[int16](left, right)
	case "S":
		return compareAs[uint16](left, right)
	case "i", "tdD":
		return compareAs[int32](left, right)
	case "I":
		return compareAs[uint32](left, right)
	case "L":
		return compareAs[uint64](left, right)
	}
	return compareAs[int64](left, right)
}
