//go:build !pelton_aggregate && !pelton_keyed && !pelton_cogroup

package guest

import "unsafe"

// The exports of pelton:operator/transform@0.1.0.

//go:wasmexport pelton:operator/transform@0.1.0#open
func abiOpen(inputs, inputsCount, options, optionsSize uint32) unsafe.Pointer {
	defer explain()
	return open("transform", abiList{inputs, inputsCount}, abiList{options, optionsSize})
}

//go:wasmexport pelton:operator/transform@0.1.0#process
func abiProcess(epoch, firstRow uint64, now, watermark int64, seed uint64, rows, nodes, nodesCount uint32) unsafe.Pointer {
	defer explain()
	enter(abiContext{epoch, firstRow, now, watermark, seed})
	given := abiTable{rows, abiList{nodes, nodesCount}}.table()
	return theOperator.process(given.rows, given.nodes).abi()
}

//go:wasmexport cabi_post_pelton:operator/transform@0.1.0#open
func abiPostOpen(unsafe.Pointer) { unpin() }

//go:wasmexport cabi_post_pelton:operator/transform@0.1.0#process
func abiPostProcess(unsafe.Pointer) { unpin() }
