package guest

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"
)

// Columns are moved into blocks of structs and out of them, a column at a time: so a field costs a few instructions a row, and
// reflection none. Structs are written at offsets that reflection gave for them.

const blockRows = 512

// column is one that is read.
type column struct {
	field
	values   []byte // of numbers; bits of bools; all texts
	offsets  []int32
	validity []byte // bits, or nil when no row is null
}

func bit(bits []byte, at int) bool { return bits[at>>3]>>(at&7)&1 == 1 }

// view is a column of the batch, with numbers of the width that the field has.
func view(of field, node node, format string, rows int) column {
	read := column{field: of, values: node.buffers[1]}
	if len(node.buffers[0]) > 0 {
		read.validity = node.buffers[0]
	}
	switch of.kind {
	case kindString, kindBytes:
		keep(node.buffers[2])
		read.values = node.buffers[2]
		read.offsets = offsetsOf(node.buffers[1], format, rows)
	case kindTimestamp:
		read.values = micros(read.values, format[2], rows)
	case kindNumber:
		if format != of.format {
			read.values = widened(read.values, format, of.format, rows)
		}
	}
	return read
}

func offsetsOf(bytes []byte, format string, rows int) []int32 {
	offsets := make([]int32, rows+1)
	isLarge := format == "U" || format == "Z"
	for i := range offsets {
		if isLarge {
			offsets[i] = int32(binary.LittleEndian.Uint64(bytes[i*8:]))
		} else {
			offsets[i] = int32(binary.LittleEndian.Uint32(bytes[i*4:]))
		}
	}
	return offsets
}

func micros(bytes []byte, unit byte, rows int) []byte {
	if unit == 'u' {
		return bytes
	}
	out := make([]byte, rows*8)
	for i := range rows {
		value := int64(binary.LittleEndian.Uint64(bytes[i*8:]))
		switch unit {
		case 's':
			value *= 1_000_000
		case 'm':
			value *= 1_000
		default: // rounded down
			if value%1000 < 0 {
				value -= 1000
			}
			value /= 1000
		}
		binary.LittleEndian.PutUint64(out[i*8:], uint64(value))
	}
	return out
}

var widths = map[byte]int{'c': 1, 'C': 1, 's': 2, 'S': 2, 'i': 4, 'I': 4, 'l': 8, 'L': 8, 'f': 4, 'g': 8}

// widened is numbers of a narrower type in the width of a wider one.
func widened(bytes []byte, from, to string, rows int) []byte {
	width := widths[to[0]]
	out := make([]byte, rows*width)
	for i := range rows {
		var integer int64
		var float float64
		switch from[0] {
		case 'c':
			integer = int64(int8(bytes[i]))
		case 'C':
			integer = int64(bytes[i])
		case 's':
			integer = int64(int16(binary.LittleEndian.Uint16(bytes[i*2:])))
		case 'S':
			integer = int64(binary.LittleEndian.Uint16(bytes[i*2:]))
		case 'i':
			integer = int64(int32(binary.LittleEndian.Uint32(bytes[i*4:])))
		case 'I':
			integer = int64(binary.LittleEndian.Uint32(bytes[i*4:]))
		case 'f':
			float = float64(math.Float32frombits(binary.LittleEndian.Uint32(bytes[i*4:])))
		}
		if from[0] != 'f' {
			float = float64(integer)
		}
		switch {
		case to == "g":
			binary.LittleEndian.PutUint64(out[i*8:], math.Float64bits(float))
		case to == "f":
			binary.LittleEndian.PutUint32(out[i*4:], math.Float32bits(float32(float)))
		case width == 8:
			binary.LittleEndian.PutUint64(out[i*8:], uint64(integer))
		case width == 4:
			binary.LittleEndian.PutUint32(out[i*4:], uint32(integer))
		default:
			binary.LittleEndian.PutUint16(out[i*2:], uint16(integer))
		}
	}
	return out
}

func scatter[T any](values []byte, start, rows int, to unsafe.Pointer, stride uintptr) {
	from := unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(values))), start+rows)[start:]
	for _, value := range from {
		*(*T)(to) = value
		to = unsafe.Add(to, stride)
	}
}

func gather[T any](into []byte, at int, rows []int32, from unsafe.Pointer, stride uintptr) []byte {
	size := int(unsafe.Sizeof(*new(T)))
	if need := (at + len(rows)) * size; need > cap(into) {
		into = append(make([]byte, 0, max(2*cap(into), need)), into...)
	}
	into = into[:(at+len(rows))*size]
	if len(rows) == 0 {
		return into
	}
	to := unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(into))), at+len(rows))[at:]
	for i, row := range rows {
		to[i] = *(*T)(unsafe.Add(from, uintptr(row)*stride))
	}
	return into
}

// load puts rows of the column into a block of structs.
func (c *column) load(start, rows int, block unsafe.Pointer, stride uintptr) {
	to := unsafe.Add(block, c.offset)
	switch c.kind {
	case kindBool:
		for row := range rows {
			*(*bool)(unsafe.Add(to, uintptr(row)*stride)) = bit(c.values, start+row)
		}
	case kindString:
		for row := range rows {
			text := c.values[c.offsets[start+row]:c.offsets[start+row+1]]
			*(*string)(unsafe.Add(to, uintptr(row)*stride)) = unsafe.String(unsafe.SliceData(text), len(text))
		}
	case kindBytes:
		for row := range rows {
			from, end := c.offsets[start+row], c.offsets[start+row+1]
			*(*[]byte)(unsafe.Add(to, uintptr(row)*stride)) = c.values[from:end:end]
		}
	default:
		switch c.size {
		case 1:
			scatter[uint8](c.values, start, rows, to, stride)
		case 2:
			scatter[uint16](c.values, start, rows, to, stride)
		case 4:
			scatter[uint32](c.values, start, rows, to, stride)
		default:
			scatter[uint64](c.values, start, rows, to, stride)
		}
	}
	if c.nullable {
		for row := range rows {
			*(*bool)(unsafe.Add(block, c.valid+uintptr(row)*stride)) = c.validity == nil || bit(c.validity, start+row)
		}
	}
}

// made is a column that is computed.
type made struct {
	field
	rows    int
	values  []byte
	offsets []int32
	valid   []bool
	hasNull bool
}

// store takes the rows of a block of structs that are kept.
func (m *made) store(kept []int32, block unsafe.Pointer, stride uintptr) {
	from := unsafe.Add(block, m.offset)
	switch m.kind {
	case kindString, kindBytes:
		if m.offsets == nil {
			m.offsets = []int32{0}
		}
		for _, row := range kept {
			// A slice begins as a string does: with its data and its length.
			m.values = append(m.values, *(*string)(unsafe.Add(from, uintptr(row)*stride))...)
			if len(m.values) > math.MaxInt32 {
				panic(fmt.Sprintf("column `%s` has more than 2 GiB in one batch", m.column))
			}
			m.offsets = append(m.offsets, int32(len(m.values)))
		}
	default:
		switch m.size {
		case 1:
			m.values = gather[uint8](m.values, m.rows, kept, from, stride)
		case 2:
			m.values = gather[uint16](m.values, m.rows, kept, from, stride)
		case 4:
			m.values = gather[uint32](m.values, m.rows, kept, from, stride)
		default:
			m.values = gather[uint64](m.values, m.rows, kept, from, stride)
		}
	}
	if m.nullable {
		for _, row := range kept {
			valid := *(*bool)(unsafe.Add(block, m.field.valid+uintptr(row)*stride))
			m.valid = append(m.valid, valid)
			m.hasNull = m.hasNull || !valid
		}
	}
	m.rows += len(kept)
}

func packed(rows int, isSet func(int) bool) []byte {
	bits := make([]byte, (rows+7)/8)
	for row := range rows {
		if isSet(row) {
			bits[row>>3] |= 1 << (row & 7)
		}
	}
	return bits
}

// node is the column as it crosses.
func (m *made) node() node {
	var validity []byte
	if m.hasNull {
		validity = packed(m.rows, func(row int) bool { return m.valid[row] })
	}
	switch m.kind {
	case kindBool:
		return node{m.rows, [][]byte{validity, packed(m.rows, func(row int) bool { return m.values[row] != 0 })}}
	case kindString, kindBytes:
		if m.offsets == nil {
			m.offsets = []int32{0}
		}
		offsets := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(m.offsets))), 4*len(m.offsets))
		return node{m.rows, [][]byte{validity, offsets, m.values}}
	}
	return node{m.rows, [][]byte{validity, m.values}}
}
