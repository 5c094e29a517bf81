package guest

import (
	"bytes"
	"reflect"
	"unsafe"
)

// What the engine keeps: columns that are the fields of an accumulator or of a key's state. A row of nulls stands for nothing, so every such
// column is nullable; where the field is no Null, a null is its zero value.

// stateVersion is the version of what is kept by a module that migrates nothing; each version before makes it one more.
const stateVersion = 1

// stateTable is the table of what a keyed operator keeps in structs.
const stateTable = "state"

// loadKept is a value for each row.
func loadKept[State any](fields []field, rows table) []State {
	values := make([]State, rows.rows)
	if rows.rows == 0 {
		return values
	}
	base, stride := unsafe.Pointer(unsafe.SliceData(values)), unsafe.Sizeof(values[0])
	for i, of := range fields {
		read := view(of, rows.nodes[i], of.format, rows.rows)
		read.load(0, rows.rows, base, stride)
		for row := range rows.rows {
			if read.validity != nil && !bit(read.validity, row) {
				of.clear(unsafe.Add(base, uintptr(row)*stride))
			}
		}
	}
	return values
}

// storeKept is a row for each value.
func storeKept[State any](fields []field, values []State) table {
	stored := table{rows: len(values)}
	all := make([]int32, len(values))
	for i := range all {
		all[i] = int32(i)
	}
	for _, of := range fields {
		column := made{field: of}
		if len(values) > 0 {
			column.store(all, unsafe.Pointer(unsafe.SliceData(values)), unsafe.Sizeof(values[0]))
		}
		stored.nodes = append(stored.nodes, column.node())
	}
	return stored
}

// isNothing says which rows have nulls in all columns.
func isNothing(rows table, row int) bool {
	for _, node := range rows.nodes {
		if len(node.buffers[0]) == 0 || bit(node.buffers[0], row) {
			return false
		}
	}
	return true
}

// clear makes the field of a struct zero.
func (f field) clear(of unsafe.Pointer) {
	at := unsafe.Add(of, f.offset)
	switch {
	case f.kind == kindString:
		*(*string)(at) = ""
	case f.kind == kindBytes:
		*(*[]byte)(at) = nil
	default:
		clear(unsafe.Slice((*byte)(at), f.size))
	}
}

// isSame says whether the field of two structs is the same, bit for bit.
func (f field) isSame(left, right unsafe.Pointer) bool {
	if f.nullable {
		isLeft, isRight := *(*bool)(unsafe.Add(left, f.valid)), *(*bool)(unsafe.Add(right, f.valid))
		if !isLeft || !isRight {
			return isLeft == isRight
		}
	}
	left, right = unsafe.Add(left, f.offset), unsafe.Add(right, f.offset)
	switch f.kind {
	case kindString:
		return *(*string)(left) == *(*string)(right)
	case kindBytes:
		return bytes.Equal(*(*[]byte)(left), *(*[]byte)(right))
	}
	return bytes.Equal(unsafe.Slice((*byte)(left), f.size), unsafe.Slice((*byte)(right), f.size))
}

// keptOf is the columns of a struct type that is kept.
func keptOf[State any]() []field { return fieldsOf(reflect.TypeFor[State]()) }
