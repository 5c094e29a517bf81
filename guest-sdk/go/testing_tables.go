package guest

import (
	"bytes"
	"cmp"
	"fmt"
	"reflect"
	"slices"
)

// testTable is a list or map of a test's run: kept between its calls, read and changed as the engine does.
type testTable struct {
	wireTable
	rows map[*heldKey][]testRow // in order of subkey
}

type testRow struct{ subkey, values []any }

func testTables(of []storedTable) []*testTable {
	var tables []*testTable
	for _, table := range of {
		tables = append(tables, &testTable{table.describe(), map[*heldKey][]testRow{}})
	}
	return tables
}

func (t *testTable) apply(called []*heldKey, change tableChange) {
	columns := make([][]any, 0, len(change.rows.nodes))
	for at, field := range slices.Concat(t.subkey, t.values) {
		columns = append(columns, valuesOf(change.rows.nodes[at], field.format))
	}
	for row, place := range change.keys {
		key := called[place]
		held := t.rows[key]
		var cells []any
		for _, column := range columns {
			cells = append(cells, column[row])
		}
		made := testRow{cells[:len(t.subkey)], cells[len(t.subkey):]}
		if change.kinds[row] == kindAppend {
			made.subkey = []any{int64(0)}
			if len(held) > 0 {
				made.subkey[0] = held[len(held)-1].subkey[0].(int64) + 1
			}
		}
		at, is := slices.BinarySearchFunc(held, made.subkey, func(row testRow, subkey []any) int { return compareAny(row.subkey, subkey) })
		if is {
			held = slices.Delete(held, at, at+1)
		}
		if change.kinds[row] != kindDelete {
			held = slices.Insert(held, at, made)
		}
		t.rows[key] = held
	}
}

// testState answers reads of a call.
type testState struct {
	tables []*testTable
	own    uint32 // tables before these in the contract
	called []*heldKey
}

func (s testState) get(place, key uint32, from, to *table, limit uint32, descending bool) table {
	of := s.tables[place-s.own]
	bound := func(bound *table) []any {
		var cells []any
		for at, field := range of.subkey {
			cells = append(cells, valuesOf(bound.nodes[at], field.format)[0])
		}
		return cells
	}
	var rows []testRow
	for _, row := range of.rows[s.called[key]] {
		if (from == nil || compareAny(row.subkey, bound(from)) >= 0) && (to == nil || compareAny(row.subkey, bound(to)) < 0) {
			rows = append(rows, row)
		}
	}
	if descending {
		slices.Reverse(rows)
	}
	rows = rows[:min(len(rows), int(limit))]
	ofKey := testColumn{format: "I"}
	for range rows {
		ofKey.values = append(ofKey.values, key)
	}
	read := table{rows: len(rows), nodes: []node{ofKey.node(upTo(0, len(rows)))}}
	for at, field := range slices.Concat(of.subkey, of.values) {
		column := testColumn{format: field.format}
		for _, row := range rows {
			column.values = append(column.values, slices.Concat(row.subkey, row.values)[at])
		}
		read.nodes = append(read.nodes, column.node(upTo(0, len(rows))))
	}
	return read
}

func compareAny(left, right []any) int {
	for at := range left {
		var order int
		switch of := reflect.ValueOf(left[at]); {
		case of.Kind() == reflect.Slice:
			order = bytes.Compare(left[at].([]byte), right[at].([]byte))
		case of.Kind() == reflect.String:
			order = cmp.Compare(of.String(), reflect.ValueOf(right[at]).String())
		case of.Kind() == reflect.Bool:
			order = cmp.Compare(fmt.Sprint(left[at]), fmt.Sprint(right[at]))
		case of.CanUint():
			order = cmp.Compare(of.Uint(), reflect.ValueOf(right[at]).Uint())
		default:
			order = cmp.Compare(of.Int(), reflect.ValueOf(right[at]).Int())
		}
		if order != 0 {
			return order
		}
	}
	return 0
}

// Table is a list or map: the key's columns, those of the subkey, and the values.
func (e *Epochs) Table(name string) map[string][]any {
	at := slices.IndexFunc(e.tables, func(table *testTable) bool { return table.name == name })
	if at < 0 {
		panic(fmt.Sprintf("the operator has no table %q", name))
	}
	of := e.tables[at]
	columns := slices.Clone(e.setting.Key)
	for _, field := range slices.Concat(of.subkey, of.values) {
		columns = append(columns, field.column)
	}
	shown := map[string][]any{}
	for _, column := range columns {
		shown[column] = []any{}
	}
	for _, key := range e.held {
		for _, row := range of.rows[key] {
			for at, value := range slices.Concat(key.values, row.subkey, row.values) {
				shown[columns[at]] = append(shown[columns[at]], value)
			}
		}
	}
	return shown
}
