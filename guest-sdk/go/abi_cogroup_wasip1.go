//go:build pelton_cogroup && wasip1

package guest

import "unsafe"

// The exports of pelton:operator/cogroup@0.1.0. Arguments come in memory: there are more than sixteen numbers.

type abiPair struct {
	context   abiContext
	left      abiTable
	leftEnds  abiList
	right     abiTable
	rightEnds abiList
	keys      abiTable
}

//go:wasmexport pelton:operator/cogroup@0.1.0#open
func abiOpen(inputs, inputsCount, options, optionsSize uint32) unsafe.Pointer {
	defer explain()
	return open("cogroup", abiList{inputs, inputsCount}, abiList{options, optionsSize})
}

//go:wasmexport pelton:operator/cogroup@0.1.0#process
func abiProcess(arguments unsafe.Pointer) unsafe.Pointer {
	defer explain()
	given := (*abiPair)(arguments)
	enter(given.context)
	return theOperator.byPair.process(pairCall{
		left: given.left.table(), right: given.right.table(), keys: given.keys.table(),
		leftEnds: given.leftEnds.words(), rightEnds: given.rightEnds.words(),
	}).abi()
}

//go:wasmexport cabi_post_pelton:operator/cogroup@0.1.0#open
func abiPostOpen(unsafe.Pointer) { unpin() }

//go:wasmexport cabi_post_pelton:operator/cogroup@0.1.0#process
func abiPostProcess(unsafe.Pointer) { unpin() }
