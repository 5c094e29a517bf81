package guest

import (
	"fmt"
	"reflect"
	"unsafe"
)

// Whole columns: numbers are slices over the batch's own bytes, and what is made is not copied either.

// NullColumn is a column with nulls. Valid is nil when every row has a value; what stands in V for a null is unspecified.
type NullColumn[T any] struct {
	V     []T
	Valid []bool
}

func (NullColumn[T]) isNull() {}

// Number is what a column of numbers has.
type Number interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64
}

// Scratch is a slice of so many numbers, for columns that are made and for origins: memory that the next call uses again. It lives until
// the call ends, and what stands in it before it is set is anything. It costs less than make, which clears memory and leaves it to the collector.
func Scratch[T Number](count int) []T {
	return unsafe.Slice((*T)(borrow(count*int(unsafe.Sizeof(*new(T))))), count)
}

// TransformColumns makes a function of whole columns the module's operator. It is called once for a batch of so many rows; the fields of In and
// Out are slices, such as []float64, or a [NullColumn]. The second answer has the input row of each row that was made, in order; nil
// says row for row. Slices of numbers live until the call ends. Rows with a null where there is no NullColumn are rejected before.
func TransformColumns[In, Out, Options any](function func(columns In, rows int, options *Options) (Out, []uint32), rules ...Rule) *operator {
	defer explain()
	options := new(Options)
	whole := func(of reflect.Type) []field { return structOf(of, true) }
	of := describeAs[In, Out](whole, options, rules)
	of.run = func(columns []column, rows int, skip []bool, results *results) {
		var in In
		shown := upToSkipped(rows, skip)
		for i := range columns {
			columns[i].whole(unsafe.Pointer(&in), rows, shown)
		}
		if shown != nil {
			rows = len(shown)
		}
		out, origin := function(in, rows, options)
		made := rows
		if origin != nil {
			made = len(origin)
		}
		for i := range results.made {
			results.made[i].take(unsafe.Pointer(&out), made)
		}
		results.origin = originOf(origin, rows, shown)
	}
	return register(of)
}

// upToSkipped is the rows that are not skipped; nil is all.
func upToSkipped(rows int, skip []bool) []uint32 {
	if skip == nil {
		return nil
	}
	shown := make([]uint32, 0, rows)
	for row := range rows {
		if !skip[row] {
			shown = append(shown, uint32(row))
		}
	}
	return shown
}

// originOf is the input row of each row that was made, where the function saw only those shown.
func originOf(origin []uint32, rows int, shown []uint32) []uint32 {
	if origin == nil {
		origin = make([]uint32, rows)
		for row := range origin {
			origin[row] = uint32(row)
		}
	}
	if shown == nil && isComponent {
		// The engine checks them.
		return origin
	}
	for _, row := range origin {
		if int(row) >= rows {
			panic(fmt.Sprintf("a row came from row %d, but there are %d", row, rows))
		}
	}
	if shown == nil {
		return origin
	}
	numbers := make([]uint32, len(origin))
	for i, row := range origin {
		numbers[i] = shown[row]
	}
	return numbers
}

// chosen is the values at some rows; all, if shown is nil.
func chosen[T any](values []T, shown []uint32) []T {
	if shown == nil {
		return values
	}
	some := make([]T, len(shown))
	for i, row := range shown {
		some[i] = values[row]
	}
	return some
}

// each is a value for each of so many rows.
func each[T any](rows int, value func(row int) T) []T {
	values := make([]T, rows)
	for row := range values {
		values[row] = value(row)
	}
	return values
}

func setNumbers[T any](to unsafe.Pointer, values []byte, rows int, shown []uint32) {
	if rows > 0 {
		*(*[]T)(to) = chosen(unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(values))), rows), shown)
	}
}

// whole puts the column into the slice of its field.
func (c *column) whole(of unsafe.Pointer, rows int, shown []uint32) {
	to := unsafe.Add(of, c.offset)
	switch c.kind {
	case kindBool:
		*(*[]bool)(to) = chosen(each(rows, func(row int) bool { return bit(c.values, row) }), shown)
	case kindString:
		text := func(row int) string {
			text := c.values[c.offsets[row]:c.offsets[row+1]]
			return unsafe.String(unsafe.SliceData(text), len(text))
		}
		*(*[]string)(to) = chosen(each(rows, text), shown)
	case kindBytes:
		bytes := func(row int) []byte { return c.values[c.offsets[row]:c.offsets[row+1]:c.offsets[row+1]] }
		*(*[][]byte)(to) = chosen(each(rows, bytes), shown)
	default:
		switch c.size {
		case 1:
			setNumbers[uint8](to, c.values, rows, shown)
		case 2:
			setNumbers[uint16](to, c.values, rows, shown)
		case 4:
			setNumbers[uint32](to, c.values, rows, shown)
		default:
			setNumbers[uint64](to, c.values, rows, shown)
		}
	}
	if c.nullable && c.validity != nil {
		*(*[]bool)(unsafe.Add(of, c.valid)) = chosen(each(rows, func(row int) bool { return bit(c.validity, row) }), shown)
	}
}

func numbersOf[T any](m *made, from unsafe.Pointer) int {
	values := *(*[]T)(from)
	m.values = unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), len(values)*int(unsafe.Sizeof(*new(T))))
	return len(values)
}

// take takes the slice of the field.
func (m *made) take(of unsafe.Pointer, rows int) {
	from := unsafe.Add(of, m.offset)
	count := 0
	switch m.kind {
	case kindString, kindBytes:
		m.offsets = make([]int32, 1, rows+1)
		add := func(text string) {
			m.values = append(m.values, text...)
			m.offsets = append(m.offsets, int32(len(m.values)))
			count++
		}
		if m.kind == kindString {
			for _, text := range *(*[]string)(from) {
				add(text)
			}
		} else {
			for _, bytes := range *(*[][]byte)(from) {
				add(string(bytes))
			}
		}
	default:
		switch m.size {
		case 1:
			count = numbersOf[uint8](m, from)
		case 2:
			count = numbersOf[uint16](m, from)
		case 4:
			count = numbersOf[uint32](m, from)
		default:
			count = numbersOf[uint64](m, from)
		}
	}
	if count != rows {
		panic(fmt.Sprintf("column `%s` has %d values, but %d rows were made", m.column, count, rows))
	}
	if m.nullable {
		m.valid = *(*[]bool)(unsafe.Add(of, m.field.valid))
		if m.valid != nil && len(m.valid) != rows {
			panic(fmt.Sprintf("column `%s` says of %d rows which are null, but %d were made", m.column, len(m.valid), rows))
		}
		m.hasNull = m.valid != nil
	}
	m.rows = rows
}
