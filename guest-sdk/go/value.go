package guest

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"
)

// Date is a day: days since 1970-01-01.
type Date int32

// Timestamp is a moment: microseconds since 1970-01-01T00:00:00Z. A column that is read may have any unit.
type Timestamp int64

// Null is a value or none, as in database/sql.
type Null[T any] struct {
	V     T
	Valid bool
}

// Some is a Null that is there.
func Some[T any](value T) Null[T] { return Null[T]{value, true} }

func (Null[T]) isNull() {}

type nullable interface{ isNull() }

// kind is how values of a field look.
type kind int

const (
	kindNumber kind = iota
	kindBool
	kindString
	kindBytes
	kindTimestamp
)

// field is a column that a struct reads or makes.
type field struct {
	column   string
	goName   string
	kind     kind
	format   string // of a column that is made
	nullable bool
	size     uintptr // of the value
	offset   uintptr // of the value in its struct
	valid    uintptr // of Valid, if it is nullable
}

var formats = map[reflect.Kind]string{
	reflect.Int8: "c", reflect.Int16: "s", reflect.Int32: "i", reflect.Int64: "l", reflect.Int: "l",
	reflect.Uint8: "C", reflect.Uint16: "S", reflect.Uint32: "I", reflect.Uint64: "L",
	reflect.Float32: "f", reflect.Float64: "g",
}

// fieldsOf are the columns of a struct type; it panics when a field is none, at the start of the module.
func fieldsOf(of reflect.Type) []field { return structOf(of, false) }

// structOf are the columns of a struct type, of which each field is a value, or a whole column.
func structOf(of reflect.Type, whole bool) []field {
	if of.Kind() != reflect.Struct {
		panic(fmt.Sprintf("guest: a row is a struct, and %s is none", of))
	}
	var fields []field
	for i := range of.NumField() {
		part := of.Field(i)
		if !part.IsExported() {
			panic(fmt.Sprintf("guest: %s.%s is not exported, so it cannot be a column", of, part.Name))
		}
		name := part.Tag.Get("pelton")
		if name == "" {
			name = snake(part.Name)
		}
		made := fieldOf(name, of.Name()+"."+part.Name, part.Type, part.Offset, whole)
		fields = append(fields, made)
	}
	return fields
}

// fieldOf is a column whose values, or which as a whole, are of a type and stand at an offset.
func fieldOf(column, goName string, value reflect.Type, offset uintptr, whole bool) field {
	made := field{column: column, goName: goName, offset: offset}
	if value.Implements(reflect.TypeFor[nullable]()) {
		v, _ := value.FieldByName("V")
		valid, _ := value.FieldByName("Valid")
		made.nullable, made.valid = true, offset+valid.Offset
		made.offset += v.Offset
		value = v.Type
	}
	if whole {
		if value.Kind() != reflect.Slice {
			panic(fmt.Sprintf("guest: %s is a %s, and no slice: a column has a value for each row", goName, value))
		}
		value = value.Elem()
	}
	made.describe(value)
	return made
}

// describe says what values of the field are.
func (f *field) describe(value reflect.Type) {
	f.size = value.Size()
	switch {
	case value == reflect.TypeFor[Timestamp]():
		f.kind, f.format = kindTimestamp, "tsu:"
	case value == reflect.TypeFor[Date]():
		f.format = "tdD"
	case value.Kind() == reflect.Bool:
		f.kind, f.format = kindBool, "b"
	case value.Kind() == reflect.String:
		f.kind, f.format = kindString, "u"
	case value == reflect.TypeFor[[]byte]():
		f.kind, f.format = kindBytes, "z"
	case formats[value.Kind()] != "":
		f.format = formats[value.Kind()]
		if value.Kind() == reflect.Int && f.size != 8 {
			panic(fmt.Sprintf("guest: %s: write int64, for int is not of one size everywhere", f.goName))
		}
	default:
		panic(fmt.Sprintf("guest: %s is a %s, which no column is", f.goName, value))
	}
}

// snake is UserID as user_id.
func snake(name string) string {
	var out strings.Builder
	letters := []rune(name)
	for i, letter := range letters {
		follows := i > 0 && (unicode.IsLower(letters[i-1]) || unicode.IsDigit(letters[i-1]))
		ends := i > 0 && i+1 < len(letters) && unicode.IsUpper(letters[i-1]) && unicode.IsLower(letters[i+1])
		if unicode.IsUpper(letter) && (follows || ends) {
			out.WriteByte('_')
		}
		out.WriteRune(unicode.ToLower(letter))
	}
	return out.String()
}

var typeNames = map[string]string{
	"b": "bool", "c": "s8", "s": "s16", "i": "s32", "l": "s64", "C": "u8", "S": "u16", "I": "u32", "L": "u64",
	"f": "f32", "g": "f64", "u": "utf8", "U": "utf8", "z": "binary", "Z": "binary", "tdD": "date", "+l": "list", "+s": "struct",
}

// typeName is a format as job files have it.
func typeName(format string) string {
	if name := typeNames[format]; name != "" {
		return name
	}
	if strings.HasPrefix(format, "ts") && len(format) >= 4 {
		unit := map[byte]string{'s': "s", 'm': "ms", 'u': "us", 'n': "ns"}[format[2]]
		if zone := format[4:]; zone != "" {
			return "timestamp[" + unit + ", " + zone + "]"
		}
		return "timestamp[" + unit + "]"
	}
	if digits, is := strings.CutPrefix(format, "d:"); is {
		return "decimal(" + strings.Replace(digits, ",", ", ", 1) + ")"
	}
	return format
}

// wants is the type that a field reads.
func (f field) wants() string {
	name := typeName(f.format)
	if f.kind == kindTimestamp {
		name = "timestamp"
	}
	if f.nullable {
		name += "?"
	}
	return name
}

// Formats of narrower numbers whose every value fits.
var widens = map[string]string{
	"s": "cC", "i": "cCsS", "l": "cCsSiI", "S": "C", "I": "CS", "L": "CSI", "f": "cCsS", "g": "cCsSiIf",
}

func (f field) accepts(format string) bool {
	switch f.kind {
	case kindTimestamp:
		return strings.HasPrefix(format, "ts")
	case kindString, kindBytes:
		return format == f.format || format == strings.ToUpper(f.format)
	}
	return format == f.format || len(format) == 1 && strings.Contains(widens[f.format], format)
}
