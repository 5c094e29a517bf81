package guest

import (
	"fmt"
	"runtime"
	"strings"
	"unsafe"
)

// The canonical ABI by hand: what all kinds of operators have in common. The engine allocates arguments through cabi_realloc, calls,
// reads the answer, and calls cabi_post_…; until then everything that crosses is pinned here, for the collector sees no
// pointer of the engine's. Buffers are used again by the next call, but texts, which an author may keep. Structs named abi… have the layout of wit/types.wit in 32-bit memory. A module exports one kind: which, the
// build says by a tag, for what is exported cannot be told when the module runs.

const isComponent = true

var pinned []any

func pin[T any](values []T) []T {
	if len(values) > 0 {
		pinned = append(pinned, values)
	}
	return values
}

// Buffers are 16-byte aligned, as the engine gives them where it can.
type line [16]byte

// lent is the buffers of this call, spare those of the one before. New ones would cost a call their zeros and a share of a collection: as much as
// a function of whole columns does.
var lent, spare [][]line

// lendsAgain says that buffers of the call before are lent again.
var lendsAgain = true

// borrow is memory until the call ends. What stands in it is anything.
func borrow(size int) unsafe.Pointer {
	count := max(1, (size+15)/16)
	var lines []line
	for at, free := range spare {
		if len(free) >= count && len(free) <= 2*count+64 {
			last := len(spare) - 1
			lines, spare[at], spare[last] = free, spare[last], nil
			spare = spare[:last]
			break
		}
	}
	if lines == nil {
		lines = make([]line, count)
	}
	lent = append(lent, lines)
	return unsafe.Pointer(unsafe.SliceData(lines))
}

// keep says that an author may keep these bytes, which the engine sent.
func keep(bytes []byte) {
	if len(bytes) == 0 || !lendsAgain {
		return
	}
	at := unsafe.Pointer(unsafe.SliceData(bytes))
	for i, lines := range lent {
		if unsafe.Pointer(unsafe.SliceData(lines)) == at {
			pinned, lent[i] = append(pinned, lines), nil
			return
		}
	}
}

//go:wasmexport cabi_realloc
func cabiRealloc(old unsafe.Pointer, oldSize, _, newSize uint32) unsafe.Pointer {
	at := borrow(int(newSize))
	if old != nil {
		copy(unsafe.Slice((*byte)(at), newSize), unsafe.Slice((*byte)(old), oldSize))
	}
	return at
}

type abiList struct {
	data  uint32
	count uint32
}

type abiOption struct {
	some  uint8
	value abiList
}

type abiField struct {
	name, format abiList
	nullable     bool
	children     uint32
}

type abiInput struct {
	name, fields, key abiList
	eventTime         abiOption
	mode, properties  abiList
}

type abiOutputField struct {
	kind uint8 // 0 pass, 1 computed
	of   abiField
}

type abiPort struct {
	name, fields abiList
	eventTime    abiOption
}

type abiStateTable struct {
	name, subkey, values abiList
}

type abiContract struct {
	reads, ports, tables, state abiList
	stateVersion                uint32
	properties                  abiList
}

type abiOpened struct {
	failed uint8
	of     abiContract // or a text in its place
}

type abiNode struct {
	rows    uint32
	buffers abiList
}

type abiTable struct {
	rows  uint32
	nodes abiList
}

type abiEmitted struct {
	port   uint32
	origin abiOption
	made   abiTable
}

type abiContext struct {
	epoch, firstRow uint64
	now, watermark  int64
	seed            uint64
}

type abiRejection struct {
	row    uint32
	reason abiList
}

type abiProcessed struct {
	failed            uint8
	emitted, rejected abiList
}

func pointer(address uint32) unsafe.Pointer { return unsafe.Pointer(uintptr(address)) }

func listOf[T any](values []T) abiList {
	if len(values) == 0 {
		return abiList{16, 0}
	}
	return abiList{uint32(uintptr(unsafe.Pointer(unsafe.SliceData(pin(values))))), uint32(len(values))}
}

func listOfText(text string) abiList { return listOf([]byte(text)) }

func (l abiList) text() string {
	return strings.Clone(unsafe.String((*byte)(pointer(l.data)), l.count))
}

func sliceOf[T any](l abiList) []T {
	if l.count == 0 {
		return nil
	}
	return unsafe.Slice((*T)(pointer(l.data)), l.count)
}

func answer[T any](value T) unsafe.Pointer {
	return unsafe.Pointer(unsafe.SliceData(pin([]T{value})))
}

// open is the answer to open of a module of this kind.
func open(kind string, inputs, options abiList) unsafe.Pointer {
	takeLog()
	host = engine{}
	var given []input
	for _, in := range sliceOf[abiInput](inputs) {
		read := input{name: in.name.text(), mode: in.mode.text()}
		for _, field := range sliceOf[abiField](in.fields) {
			read.fields = append(read.fields, wireField{field.name.text(), field.format.text(), field.nullable, field.children})
		}
		for _, column := range sliceOf[abiList](in.key) {
			read.key = append(read.key, column.text())
		}
		given = append(given, read)
	}
	switch {
	case theOperator == nil:
		panic("the module registers no operator: call guest.Transform, guest.Aggregate, guest.Keyed, guest.Cogroup or guest.Enrich in init")
	case theOperator.kind != kind:
		panic(fmt.Sprintf("the operator is of kind %q, but pelton-module.toml says kind = %q", theOperator.kind, kind))
	}
	agreed, err := theOperator.open(given, []byte(options.text()))
	if err != nil {
		refused := abiOpened{failed: 1}
		refused.of.reads = listOfText(err.Error())
		return answer(refused)
	}
	return answer(abiOpened{of: agreed.abi()})
}

func (p wirePort) abi() abiPort {
	var fields []abiOutputField
	for _, field := range p.fields {
		if field.passed {
			fields = append(fields, abiOutputField{0, abiField{name: listOfText(field.column), format: listOfText(field.name)}})
			continue
		}
		made := abiField{listOfText(field.name), listOfText(field.format), field.nullable, 0}
		fields = append(fields, abiOutputField{1, made})
	}
	port := abiPort{name: listOfText(p.name), fields: listOf(fields)}
	if p.eventTime != "" {
		port.eventTime = abiOption{1, listOfText(p.eventTime)}
	}
	return port
}

func (c contract) abi() abiContract {
	var ports []abiPort
	for _, port := range c.ports {
		ports = append(ports, port.abi())
	}
	reads := []abiList{listOf(textsOf(c.reads))}
	if c.isPair {
		reads = append(reads, listOf(textsOf(c.rightReads)))
	}
	none := abiList{16, 0}
	made := abiContract{
		reads: listOf(reads), ports: listOf(ports), tables: listOf(textsOf(c.sideTables)), state: none, properties: none,
		stateVersion: c.version,
	}
	var tables []abiStateTable
	if c.table != "" {
		tables = append(tables, abiStateTable{listOfText(c.table), none, listOf(abiFields(c.kept, true))})
	}
	for _, table := range c.tables {
		tables = append(tables, abiStateTable{listOfText(table.name), listOf(abiFields(table.subkey, false)), listOf(abiFields(table.values, false))})
	}
	made.state = listOf(tables)
	var properties [][2]abiList
	if c.ordered {
		properties = append(properties, [2]abiList{listOfText("ordered"), listOfText("true")})
	}
	if c.retracts {
		properties = append(properties, [2]abiList{listOfText("accepts"), listOfText("append,retract")})
	}
	if len(properties) > 0 {
		made.properties = listOf(properties)
	}
	return made
}

func textsOf(texts []string) []abiList {
	var lists []abiList
	for _, text := range texts {
		lists = append(lists, listOfText(text))
	}
	return lists
}

// abiFields is columns of state, all of them nullable or as they are.
func abiFields(fields []field, nullable bool) []abiField {
	var of []abiField
	for _, field := range fields {
		of = append(of, abiField{listOfText(field.column), listOfText(field.format), nullable || field.nullable, 0})
	}
	return of
}

// enter begins a call.
func enter(context abiContext) {
	current = Context{
		epoch: context.epoch, firstRow: context.firstRow, now: context.now, watermark: context.watermark, seed: context.seed,
	}
}

// table is what came.
func (t abiTable) table() table {
	given := table{rows: int(t.rows)}
	for _, read := range sliceOf[abiNode](t.nodes) {
		one := node{rows: int(read.rows)}
		for _, buffer := range sliceOf[abiList](read.buffers) {
			one.buffers = append(one.buffers, sliceOf[byte](buffer))
		}
		given.nodes = append(given.nodes, one)
	}
	return given
}

// abi is what goes.
func (t table) abi() abiTable {
	var made []abiNode
	for _, node := range t.nodes {
		var buffers []abiList
		for _, buffer := range node.buffers {
			buffers = append(buffers, listOf(buffer))
		}
		made = append(made, abiNode{uint32(node.rows), listOf(buffers)})
	}
	return abiTable{uint32(t.rows), listOf(made)}
}

// words is a buffer of so many u32 as a slice.
func (l abiList) words() []uint32 { return sliceOf[uint32](abiList{l.data, l.count / 4}) }

// bufferOf is the bytes of numbers.
func bufferOf[T any](values []T) abiList {
	list := listOf(values)
	return abiList{list.data, list.count * uint32(unsafe.Sizeof(*new(T)))}
}

func rejections(rejected []rejection) abiList {
	var refused []abiRejection
	for _, rejection := range rejected {
		refused = append(refused, abiRejection{rejection.row, listOfText(rejection.reason)})
	}
	return listOf(refused)
}

// abi is the output of a transform or of a fold's finish.
func (o output) abi() unsafe.Pointer {
	left := o.ports
	if left == nil {
		left = []portOutput{{0, o.rows, nil, o.origin, o.nodes}}
	}
	var emitted []abiEmitted
	for _, of := range left {
		emitted = append(emitted, abiEmitted{of.port, originOption(of.origin), table{of.rows, of.nodes}.abi()})
	}
	return answer(abiProcessed{0, listOf(emitted), rejections(o.rejected)})
}

func originOption(origin []uint32) abiOption {
	if origin == nil {
		return abiOption{}
	}
	return abiOption{1, bufferOf(origin)}
}

func unpin() {
	clear(pinned)
	pinned = pinned[:0]
	clear(spare)
	spare = spare[:0]
	for _, lines := range lent {
		if lines != nil && lendsAgain {
			spare = append(spare, lines)
		}
	}
	clear(lent)
	lent = lent[:0]
}

// explain logs where a panic came from, of a call or at the start of the module; the last line says it all, for the trap that follows.
func explain() {
	why := recover()
	if why == nil {
		return
	}
	// At the start of the module it is not told yet.
	host = engine{}
	place := ""
	callers := make([]uintptr, 64)
	frames := runtime.CallersFrames(callers[:runtime.Callers(2, callers)])
	for {
		frame, more := frames.Next()
		own := !strings.HasPrefix(frame.Function, "runtime.") && !strings.HasPrefix(frame.Function, "pelton/guest.")
		if frame.File != "" {
			at := fmt.Sprintf("%s:%d in %s", frame.File[strings.LastIndexByte(frame.File, '/')+1:], frame.Line, frame.Function)
			host.log(levelError, "  "+at)
			if own && place == "" {
				place = at
			}
		}
		if !more {
			break
		}
	}
	host.log(levelError, fmt.Sprintf("%s: panic: %v", place, why))
	panic(why)
}

type engine struct{}

//go:wasmimport pelton:operator/log@0.1.0 log
func hostLog(level uint32, message unsafe.Pointer, size uint32)

//go:wasmimport pelton:operator/log@0.1.0 counter
func hostCounter(name unsafe.Pointer, size uint32, delta uint64)

//go:wasmimport pelton:operator/log@0.1.0 gauge
func hostGauge(name unsafe.Pointer, size uint32, value float64)

func (engine) log(level level, message string) {
	hostLog(uint32(level), unsafe.Pointer(unsafe.StringData(message)), uint32(len(message)))
}

func (engine) counter(name string, delta uint64) {
	hostCounter(unsafe.Pointer(unsafe.StringData(name)), uint32(len(name)), delta)
}

func (engine) gauge(name string, value float64) {
	hostGauge(unsafe.Pointer(unsafe.StringData(name)), uint32(len(name)), value)
}
