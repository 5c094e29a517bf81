//go:build pelton_keyed

package guest

import "unsafe"

// The exports of pelton:operator/keyed@0.1.0. Arguments come in memory: there are more than sixteen numbers.

type abiTimers struct {
	key, ids, at, clock abiList
}

type abiCall struct {
	context  abiContext
	rows     abiTable
	ends     abiList
	keys     abiTable
	state    abiList
	due      abiTimers
	expiring abiList
}

type abiKeyedEmitted struct {
	port         uint32
	key          abiList
	origin, time abiOption
	made         abiTable
}

type abiChange struct {
	table     uint32
	kind, key abiList
	rows      abiTable
}

type abiKeyedProcessed struct {
	failed           uint8
	emitted, changes abiList
	timers           abiTimers
	cleared          abiList
	rejected         abiList
}

//go:wasmexport pelton:operator/keyed@0.1.0#open
func abiOpen(inputs, inputsCount, options, optionsSize uint32) unsafe.Pointer {
	defer explain()
	return open("keyed", abiList{inputs, inputsCount}, abiList{options, optionsSize})
}

//go:wasmexport pelton:operator/keyed@0.1.0#process
func abiProcess(arguments unsafe.Pointer) unsafe.Pointer {
	defer explain()
	given := (*abiCall)(arguments)
	enter(given.context)
	call := keyedCall{
		rows: given.rows.table(), ends: given.ends.words(), keys: given.keys.table(), due: given.due.timers(),
		expiring: sliceOf[byte](given.expiring),
	}
	for _, state := range sliceOf[abiTable](given.state) {
		call.state = append(call.state, state.table())
	}
	return theOperator.byKey.process(call).abi()
}

func (t abiTimers) timers() []keyTimer {
	var timers []keyTimer
	keys, ids, clocks := t.key.words(), t.ids.words(), sliceOf[byte](t.clock)
	for i, at := range sliceOf[int64](abiList{t.at.data, t.at.count / 8}) {
		timers = append(timers, keyTimer{keys[i], Timer{ids[i], Timestamp(at), clocks[i] == 1}})
	}
	return timers
}

func (o keyedOutput) abi() unsafe.Pointer {
	left := o.ports
	if left == nil && o.rows > 0 {
		left = []portOutput{{0, o.rows, o.keys, o.origin, o.nodes}}
	}
	var emitted []abiKeyedEmitted
	for _, of := range left {
		emitted = append(emitted, abiKeyedEmitted{
			port: of.port, key: bufferOf(of.keys), origin: originOption(of.origin), made: table{of.rows, of.nodes}.abi(),
		})
	}
	made := abiKeyedProcessed{emitted: listOf(emitted), rejected: rejections(o.rejected)}
	var changes []abiChange
	if len(o.changed) > 0 {
		changes = append(changes, abiChange{0, listOf(o.kinds), bufferOf(o.changed), o.state.abi()})
	}
	for _, change := range o.tables {
		changes = append(changes, abiChange{change.table, listOf(change.kinds), bufferOf(change.keys), change.rows.abi()})
	}
	made.changes = listOf(changes)
	var keys, ids []uint32
	var at []int64
	var clocks, cleared []byte
	for _, change := range o.timers {
		keys, ids, at = append(keys, change.key), append(ids, change.ID), append(at, int64(change.At))
		clocks, cleared = append(clocks, flag(change.Processing)), append(cleared, flag(change.cleared))
	}
	made.timers = abiTimers{bufferOf(keys), bufferOf(ids), bufferOf(at), listOf(clocks)}
	made.cleared = listOf(cleared)
	return answer(made)
}

func flag(is bool) byte {
	if is {
		return 1
	}
	return 0
}

// abiMigrated is a table, or a text in its place.
type abiMigrated struct {
	failed uint8
	of     abiTable
}

//go:wasmexport pelton:operator/migrate@0.1.0#migrate
func abiMigrate(
	name, nameSize, version, old, oldCount, _, _, _, rows, nodes, nodesCount, _, _ uint32,
) unsafe.Pointer {
	defer explain()
	enter(abiContext{})
	var came []wireField
	for _, field := range sliceOf[abiField](abiList{old, oldCount}) {
		came = append(came, wireField{field.name.text(), field.format.text(), field.nullable, field.children})
	}
	given := abiTable{rows, abiList{nodes, nodesCount}}.table()
	migrated, err := theOperator.byKey.migrate(abiList{name, nameSize}.text(), version, came, given)
	if err != nil {
		why := listOfText(err.Error())
		return answer(abiMigrated{1, abiTable{why.data, abiList{why.count, 0}}})
	}
	return answer(abiMigrated{0, migrated.abi()})
}

// The import state: a list or an option of a table is so many numbers.
//
//go:wasmimport pelton:operator/state@0.1.0 get
func hostGet(
	table uint32, keys unsafe.Pointer, keysSize uint32, hasFrom, fromRows, fromNodes, fromCount, hasTo, toRows, toNodes, toCount uint32,
	limit, descending uint32, answer unsafe.Pointer,
)

func init() { stored = hostState{} }

type hostState struct{}

func (hostState) get(place, key uint32, from, to *table, limit uint32, descending bool) table {
	before, lentBefore := len(pinned), len(lent)
	low, high := boundOf(from), boundOf(to)
	keys := []uint32{key}
	var found abiTable
	hostGet(
		place, unsafe.Pointer(&keys[0]), 4, low[0], low[1], low[2], low[3], high[0], high[1], high[2], high[3], limit,
		uint32(flag(descending)), unsafe.Pointer(&found),
	)
	read := found.table()
	// What points into them keeps the rows; a list may be longer than the memory of an instance.
	clear(pinned[before:])
	pinned = pinned[:before]
	clear(lent[lentBefore:])
	lent = lent[:lentBefore]
	return read
}

// boundOf is whether there is one, and a table.
func boundOf(bound *table) [4]uint32 {
	if bound == nil {
		return [4]uint32{0, 0, 0, 0}
	}
	given := bound.abi()
	return [4]uint32{1, given.rows, given.nodes.data, given.nodes.count}
}

//go:wasmexport cabi_post_pelton:operator/migrate@0.1.0#migrate
func abiPostMigrate(unsafe.Pointer) { unpin() }

//go:wasmexport cabi_post_pelton:operator/keyed@0.1.0#open
func abiPostOpen(unsafe.Pointer) { unpin() }

//go:wasmexport cabi_post_pelton:operator/keyed@0.1.0#process
func abiPostProcess(unsafe.Pointer) { unpin() }
