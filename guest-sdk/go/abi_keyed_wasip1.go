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
	none := abiList{16, 0}
	made := abiKeyedProcessed{emitted: none, changes: none, rejected: rejections(o.rejected)}
	if o.rows > 0 {
		emitted := abiKeyedEmitted{key: bufferOf(o.keys), made: table{o.output.rows, o.nodes}.abi()}
		if o.origin != nil {
			emitted.origin = abiOption{1, bufferOf(o.origin)}
		}
		made.emitted = listOf([]abiKeyedEmitted{emitted})
	}
	if len(o.changed) > 0 {
		made.changes = listOf([]abiChange{{0, listOf(o.kinds), bufferOf(o.changed), o.state.abi()}})
	}
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

//go:wasmexport cabi_post_pelton:operator/keyed@0.1.0#open
func abiPostOpen(unsafe.Pointer) { pinned = nil }

//go:wasmexport cabi_post_pelton:operator/keyed@0.1.0#process
func abiPostProcess(unsafe.Pointer) { unpin() }
