package guest

import (
	"fmt"
	"runtime"
	"strings"
	"unsafe"
)

// The canonical ABI of pelton:operator/transform@0.1.0, by hand. The engine allocates arguments through cabi_realloc, calls,
// reads the answer, and calls cabi_post_…; until then everything that crosses is pinned here, for the collector sees no
// pointer of the engine's. Structs named abi… have the layout of wit/types.wit in 32-bit memory.

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

//go:wasmexport cabi_realloc
func cabiRealloc(old unsafe.Pointer, oldSize, _, newSize uint32) unsafe.Pointer {
	lines := pin(make([]line, max(1, (newSize+15)/16)))
	at := unsafe.Pointer(unsafe.SliceData(lines))
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

type abiEmitted struct {
	port   uint32
	origin abiOption
	rows   uint32
	nodes  abiList
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

//go:wasmexport pelton:operator/transform@0.1.0#open
func abiOpen(inputs, inputsCount, options, optionsSize uint32) unsafe.Pointer {
	defer explain()
	takeLog()
	host = engine{}
	var given []input
	for _, in := range sliceOf[abiInput](abiList{inputs, inputsCount}) {
		read := input{name: in.name.text(), mode: in.mode.text()}
		for _, field := range sliceOf[abiField](in.fields) {
			read.fields = append(read.fields, wireField{field.name.text(), field.format.text(), field.nullable, field.children})
		}
		given = append(given, read)
	}
	if theOperator == nil {
		panic("the module registers no operator: call guest.Transform in init")
	}
	agreed, err := theOperator.open(given, []byte(abiList{options, optionsSize}.text()))
	if err != nil {
		refused := abiOpened{failed: 1}
		refused.of.reads = listOfText(err.Error())
		return answer(refused)
	}
	var fields []abiOutputField
	for _, field := range agreed.fields {
		if field.passed {
			fields = append(fields, abiOutputField{0, abiField{name: listOfText(field.column), format: listOfText(field.name)}})
			continue
		}
		made := abiField{listOfText(field.name), listOfText(field.format), field.nullable, 0}
		fields = append(fields, abiOutputField{1, made})
	}
	port := abiPort{name: listOfText("out"), fields: listOf(fields)}
	if agreed.eventTime != "" {
		port.eventTime = abiOption{1, listOfText(agreed.eventTime)}
	}
	var reads []abiList
	for _, column := range agreed.reads {
		reads = append(reads, listOfText(column))
	}
	none := abiList{16, 0}
	return answer(abiOpened{of: abiContract{
		reads: listOf([]abiList{listOf(reads)}), ports: listOf([]abiPort{port}), tables: none, state: none, properties: none,
	}})
}

//go:wasmexport pelton:operator/transform@0.1.0#process
func abiProcess(epoch, firstRow uint64, now, watermark int64, seed uint64, rows, nodes, nodesCount uint32) unsafe.Pointer {
	defer explain()
	current = Context{epoch: epoch, firstRow: firstRow, now: now, watermark: watermark, seed: seed}
	var given []node
	for _, read := range sliceOf[abiNode](abiList{nodes, nodesCount}) {
		one := node{rows: int(read.rows)}
		for _, buffer := range sliceOf[abiList](read.buffers) {
			one.buffers = append(one.buffers, sliceOf[byte](buffer))
		}
		given = append(given, one)
	}
	out := theOperator.process(int(rows), given)
	var made []abiNode
	for _, node := range out.nodes {
		var buffers []abiList
		for _, buffer := range node.buffers {
			buffers = append(buffers, listOf(buffer))
		}
		made = append(made, abiNode{uint32(node.rows), listOf(buffers)})
	}
	emitted := abiEmitted{rows: uint32(out.rows), nodes: listOf(made)}
	if out.origin != nil {
		origin := listOf(out.origin)
		emitted.origin = abiOption{1, abiList{origin.data, origin.count * 4}}
	}
	var refused []abiRejection
	for _, rejection := range out.rejected {
		refused = append(refused, abiRejection{rejection.row, listOfText(rejection.reason)})
	}
	return answer(abiProcessed{0, listOf([]abiEmitted{emitted}), listOf(refused)})
}

//go:wasmexport cabi_post_pelton:operator/transform@0.1.0#open
func abiPostOpen(unsafe.Pointer) { pinned = nil }

//go:wasmexport cabi_post_pelton:operator/transform@0.1.0#process
func abiPostProcess(unsafe.Pointer) {
	clear(pinned)
	pinned = pinned[:0]
}

// explain logs where a panic came from; the last line says it all, for the trap that follows.
func explain() {
	why := recover()
	if why == nil {
		return
	}
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
