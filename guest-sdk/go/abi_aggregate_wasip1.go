//go:build pelton_aggregate

package guest

import "unsafe"

// The exports of pelton:operator/aggregate@0.1.0, and of retractable, which the engine asks only if the contract accepts it. What has more than sixteen numbers for arguments comes in memory.

// abiFolded is a table or a failure, which this SDK has none of: a panic traps.
type abiFolded struct {
	failed uint8
	made   abiTable
}

type abiFinish struct {
	context             abiContext
	keys                abiTable
	starts, ends, panes abiList
	accumulators        abiTable
}

//go:wasmexport pelton:operator/aggregate@0.1.0#open
func abiOpen(inputs, inputsCount, options, optionsSize uint32) unsafe.Pointer {
	defer explain()
	return open("aggregate", abiList{inputs, inputsCount}, abiList{options, optionsSize})
}

//go:wasmexport pelton:operator/aggregate@0.1.0#accumulate
func abiAccumulate(
	epoch, firstRow uint64, now, watermark int64, seed uint64, rows, nodes, nodesCount, slots, slotsSize uint32,
	accumulators, kept, keptCount uint32,
) unsafe.Pointer {
	defer explain()
	enter(abiContext{epoch, firstRow, now, watermark, seed})
	given, into := abiTable{rows, abiList{nodes, nodesCount}}, abiTable{accumulators, abiList{kept, keptCount}}
	return answerChanged(theOperator.fold.accumulate, given, abiList{slots, slotsSize}, into)
}

//go:wasmexport pelton:operator/retractable@0.1.0#retract
func abiRetract(
	epoch, firstRow uint64, now, watermark int64, seed uint64, rows, nodes, nodesCount, slots, slotsSize uint32,
	accumulators, kept, keptCount uint32,
) unsafe.Pointer {
	defer explain()
	enter(abiContext{epoch, firstRow, now, watermark, seed})
	given, into := abiTable{rows, abiList{nodes, nodesCount}}, abiTable{accumulators, abiList{kept, keptCount}}
	return answerChanged(theOperator.fold.retract, given, abiList{slots, slotsSize}, into)
}

func answerChanged(by changing, rows abiTable, slots abiList, into abiTable) unsafe.Pointer {
	folded := theOperator.changed(by, rows.table(), slots.words(), into.table())
	return answer(abiFolded{0, folded.abi()})
}

//go:wasmexport pelton:operator/aggregate@0.1.0#merge
func abiMerge(leftRows, left, leftCount, rightRows, right, rightCount uint32) unsafe.Pointer {
	defer explain()
	earlier, later := abiTable{leftRows, abiList{left, leftCount}}, abiTable{rightRows, abiList{right, rightCount}}
	return answer(abiFolded{0, theOperator.fold.merge(earlier.table(), later.table()).abi()})
}

//go:wasmexport pelton:operator/aggregate@0.1.0#finish
func abiFinished(arguments unsafe.Pointer) unsafe.Pointer {
	defer explain()
	given := (*abiFinish)(arguments)
	enter(given.context)
	windows := windowsOf(sliceOf[byte](given.starts), sliceOf[byte](given.ends), sliceOf[byte](given.panes))
	return theOperator.finish(windows, given.accumulators.table()).abi()
}

//go:wasmexport cabi_post_pelton:operator/aggregate@0.1.0#open
func abiPostOpen(unsafe.Pointer) { unpin() }

//go:wasmexport cabi_post_pelton:operator/aggregate@0.1.0#accumulate
func abiPostAccumulate(unsafe.Pointer) { unpin() }

//go:wasmexport cabi_post_pelton:operator/retractable@0.1.0#retract
func abiPostRetract(unsafe.Pointer) { unpin() }

//go:wasmexport cabi_post_pelton:operator/aggregate@0.1.0#merge
func abiPostMerge(unsafe.Pointer) { unpin() }

//go:wasmexport cabi_post_pelton:operator/aggregate@0.1.0#finish
func abiPostFinish(unsafe.Pointer) { unpin() }
