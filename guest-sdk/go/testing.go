package guest

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
)

// Columns are rows for a test, a slice for each column: []float64, []int64, []string, []bool, or []any with nils for nulls.
type Columns map[string]any

// Setting is what a test says besides the rows.
type Setting struct {
	Options  any // as encoding/json takes it
	Epoch    uint64
	FirstRow uint64
	Now      int64
	Seed     uint64
	// Tables are the side tables on offer.
	Tables map[string]Columns
	// Replies stands for the endpoints of an enrich operator.
	Replies func(*Request) Reply
}

// Out is what came out. Values are those of []any: float64, int64, string, bool, nil and so on.
type Out struct {
	Main   map[string][]any
	Origin []int
	// Ports are all outputs by their names, the main one among them, and Origins those of their rows.
	Ports    map[string]map[string][]any
	Origins  map[string][]int
	Rejected map[int]string
	Logs     []string
	// Requests are those of an enrich operator, each once.
	Requests []Request
}

// oneByOneMax is rows that are run one by one as well.
const oneByOneMax = 200

// Run runs an operator over a batch, without an engine and without WebAssembly: the code that runs is the module's, through
// the buffers that cross the boundary. Rows are also run one by one: an answer that depends on how rows are cut into batches
// is an error.
func Run(of *operator, rows Columns, setting Setting) (Out, error) {
	given, err := givenOf(rows)
	if err != nil {
		return Out{}, err
	}
	inputs, tables := []input{given.input(nil)}, map[string]table{}
	for name, columns := range setting.Tables {
		rows, err := givenOf(columns)
		if err != nil {
			return Out{}, fmt.Errorf("table `%s`: %w", name, err)
		}
		offered := rows.input(nil)
		offered.name, offered.mode = name, "table"
		inputs, tables[name] = append(inputs, offered), rows.table(rows.names, upTo(0, rows.count))
	}
	agreed, err := of.open(inputs, optionsOf(setting.Options))
	if err != nil {
		return Out{}, err
	}
	for _, name := range agreed.sideTables {
		if err := of.load(name, tables[name]); err != nil {
			return Out{}, err
		}
	}
	recorder := &recorded{}
	host = recorder
	defer func() { host = silent{} }()
	asker := asker{replies: setting.Replies}
	call := func(start, end int) (Out, error) {
		current = Context{epoch: setting.Epoch, firstRow: setting.FirstRow + uint64(start), now: setting.Now, seed: setting.Seed, watermark: math.MinInt64}
		read := given.table(agreed.reads, upTo(start, end))
		if of.asking == nil {
			return assembled(agreed, of.process(end-start, read.nodes), given.columns, start), nil
		}
		out, err := asker.call(of, end-start, read.nodes)
		if err != nil {
			return Out{}, err
		}
		return assembled(agreed, out, given.columns, start), nil
	}
	count := given.count
	out, err := call(0, count)
	if err != nil {
		return Out{}, err
	}
	out.Logs, out.Requests = slices.Clone(recorder.lines), asker.requests()
	if count > 1 && count <= oneByOneMax {
		joined := Out{Ports: map[string]map[string][]any{}, Rejected: map[int]string{}}
		for row := range count {
			part, err := call(row, row+1)
			if err != nil {
				return out, err
			}
			for port, columns := range part.Ports {
				if joined.Ports[port] == nil {
					joined.Ports[port] = map[string][]any{}
				}
				for name, values := range columns {
					joined.Ports[port][name] = append(joined.Ports[port][name], values...)
				}
			}
			for _, reason := range part.Rejected {
				joined.Rejected[row] = reason
			}
		}
		atOnce, oneByOne := fmt.Sprint(out.Ports, out.Rejected), fmt.Sprint(joined.Ports, joined.Rejected)
		if atOnce != oneByOne {
			return out, fmt.Errorf("the answer depends on how rows are cut into batches:\n  all at once: %s\n  one by one:  %s", atOnce, oneByOne)
		}
	}
	return out, nil
}

// given is rows of a test.
type given struct {
	names   []string
	columns map[string]testColumn
	count   int
}

func givenOf(rows Columns) (given, error) {
	of := given{names: slices.Sorted(maps.Keys(rows)), columns: map[string]testColumn{}}
	for _, name := range of.names {
		read, err := testColumnOf(rows[name])
		if err != nil {
			return of, fmt.Errorf("column `%s`: %w", name, err)
		}
		of.columns[name], of.count = read, len(read.values)
	}
	return of, nil
}

func (g given) input(key []string) input {
	in := input{name: "input", key: key, mode: "append"}
	for _, name := range g.names {
		in.fields = append(in.fields, wireField{name, g.columns[name].format, g.columns[name].nullable, 0})
	}
	return in
}

// table is these columns of some rows.
func (g given) table(names []string, rows []int) table {
	read := table{rows: len(rows)}
	for _, name := range names {
		read.nodes = append(read.nodes, g.columns[name].node(rows))
	}
	return read
}

// values are those of a row in some columns.
func (g given) values(names []string, row int) []any {
	var values []any
	for _, name := range names {
		values = append(values, g.columns[name].values[row])
	}
	return values
}

func upTo(start, end int) []int {
	var rows []int
	for row := start; row < end; row++ {
		rows = append(rows, row)
	}
	return rows
}

func optionsOf(given any) []byte {
	options, err := json.Marshal(given)
	if err != nil || given == nil {
		return []byte("{}")
	}
	return options
}

type recorded struct{ lines []string }

func (r *recorded) log(_ level, message string) { r.lines = append(r.lines, message) }
func (*recorded) counter(string, uint64)        {}
func (*recorded) gauge(string, float64)         {}

type testColumn struct {
	format   string
	nullable bool
	values   []any
}

func testColumnOf(values any) (testColumn, error) {
	of := reflect.ValueOf(values)
	if of.Kind() != reflect.Slice {
		return testColumn{}, fmt.Errorf("give a slice, not %T", values)
	}
	column := testColumn{}
	for i := range of.Len() {
		value := of.Index(i).Interface()
		column.values = append(column.values, value)
		column.nullable = column.nullable || value == nil
	}
	element := of.Type().Elem()
	for _, value := range column.values {
		if value != nil {
			element = reflect.TypeOf(value)
		}
	}
	switch {
	case element == reflect.TypeFor[Timestamp]():
		column.format = "tsu:"
	case element == reflect.TypeFor[Date]():
		column.format = "tdD"
	case element.Kind() == reflect.String:
		column.format = "u"
	case element.Kind() == reflect.Bool:
		column.format = "b"
	case element == reflect.TypeFor[[]byte]():
		column.format = "z"
	default:
		column.format = formats[element.Kind()]
	}
	if column.format == "" {
		return column, fmt.Errorf("no column holds values of %s", element)
	}
	return column, nil
}

// width is bytes of a value that is neither text nor bits.
func (c testColumn) width() int {
	switch {
	case c.format == "tdD":
		return 4
	case c.format[0] == 't':
		return 8
	}
	return widths[c.format[0]]
}

func (c testColumn) node(rows []int) node {
	var values []any
	for _, row := range rows {
		values = append(values, c.values[row])
	}
	made := node{rows: len(values)}
	var validity []byte
	if slices.Contains(values, nil) {
		validity = packed(len(values), func(row int) bool { return values[row] != nil })
	}
	if c.format == "b" {
		bits := packed(len(values), func(row int) bool { return values[row] == true })
		made.buffers = [][]byte{validity, bits}
		return made
	}
	var bytes []byte
	offsets := binary.LittleEndian.AppendUint32(nil, 0)
	for _, value := range values {
		switch value := value.(type) {
		case string:
			bytes = append(bytes, value...)
		case []byte:
			bytes = append(bytes, value...)
		case nil:
			if c.format != "u" && c.format != "z" {
				bytes = append(bytes, make([]byte, c.width())...)
			}
		case int:
			bytes = binary.LittleEndian.AppendUint64(bytes, uint64(value))
		default:
			bytes, _ = binary.Append(bytes, binary.LittleEndian, value)
		}
		offsets = binary.LittleEndian.AppendUint32(offsets, uint32(len(bytes)))
	}
	if c.format == "u" || c.format == "z" {
		made.buffers = [][]byte{validity, offsets, bytes}
	} else {
		made.buffers = [][]byte{validity, bytes}
	}
	return made
}

// assembled is what the engine would carry across, put together with what was computed.
func assembled(agreed contract, out output, columns map[string]testColumn, start int) Out {
	left := out.ports
	if left == nil {
		left = []portOutput{{0, out.rows, nil, out.origin, out.nodes}}
	}
	return outOf(agreed, left, out.rejected, func(of portOutput) ([]int, func(column string) []any) {
		origin := make([]int, of.rows)
		for i := range origin {
			origin[i] = i
			if of.origin != nil {
				origin[i] = int(of.origin[i])
			}
		}
		return origin, func(column string) []any {
			return each(of.rows, func(row int) any { return columns[column].values[start+origin[row]] })
		}
	})
}

// outOf is what left by all outputs; passed tells the origins of rows, and their columns that passed.
func outOf(agreed contract, left []portOutput, rejected []rejection, passed func(portOutput) ([]int, func(string) []any)) Out {
	read := Out{Ports: map[string]map[string][]any{}, Origins: map[string][]int{}, Rejected: map[int]string{}}
	for place, port := range agreed.ports {
		of, columns := portOutput{}, map[string][]any{}
		for _, one := range left {
			if one.port == uint32(place) {
				of = one
			}
		}
		origin, values := passed(of)
		at := 0
		for _, field := range port.fields {
			switch {
			case field.passed:
				columns[field.name] = values(field.column)
			case at < len(of.nodes):
				columns[field.name] = valuesOf(of.nodes[at], field.format)
				at++
			default:
				columns[field.name] = []any{}
			}
		}
		read.Ports[port.name], read.Origins[port.name] = columns, origin
	}
	main := agreed.ports[0].name
	read.Main, read.Origin = read.Ports[main], read.Origins[main]
	for _, rejection := range rejected {
		read.Rejected[int(rejection.row)] = rejection.reason
	}
	return read
}

func valuesOf(made node, format string) []any {
	values := []any{}
	for row := range made.rows {
		if len(made.buffers[0]) > 0 && !bit(made.buffers[0], row) {
			values = append(values, nil)
			continue
		}
		data := made.buffers[1]
		var value any
		switch format {
		case "b":
			value = bit(data, row)
		case "u", "z":
			from, end := binary.LittleEndian.Uint32(data[row*4:]), binary.LittleEndian.Uint32(data[row*4+4:])
			value = string(made.buffers[2][from:end])
			if format == "z" {
				value = slices.Clone(made.buffers[2][from:end])
			}
		case "c":
			value = int8(data[row])
		case "C":
			value = data[row]
		case "s":
			value = int16(binary.LittleEndian.Uint16(data[row*2:]))
		case "S":
			value = binary.LittleEndian.Uint16(data[row*2:])
		case "i":
			value = int32(binary.LittleEndian.Uint32(data[row*4:]))
		case "I":
			value = binary.LittleEndian.Uint32(data[row*4:])
		case "l":
			value = int64(binary.LittleEndian.Uint64(data[row*8:]))
		case "L":
			value = binary.LittleEndian.Uint64(data[row*8:])
		case "f":
			value = math.Float32frombits(binary.LittleEndian.Uint32(data[row*4:]))
		case "g":
			value = math.Float64frombits(binary.LittleEndian.Uint64(data[row*8:]))
		case "tdD":
			value = Date(binary.LittleEndian.Uint32(data[row*4:]))
		default:
			value = Timestamp(binary.LittleEndian.Uint64(data[row*8:]))
		}
		values = append(values, value)
	}
	return values
}
