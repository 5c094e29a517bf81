//go:build !pelton_aggregate && !pelton_keyed && !pelton_cogroup && !pelton_enrich

package guest

import "unsafe"

// The exports of pelton:operator/transform@0.1.0, and of tables, which the engine calls for those that the contract names.

// abiLoaded is nothing, or a fatal failure.
type abiLoaded struct {
	failed uint8
	of     struct {
		kind   uint8 // 1 fatal
		reason abiList
	}
}

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

//go:wasmexport pelton:operator/tables@0.1.0#load
func abiLoad(name, nameSize uint32, _ uint64, rows, nodes, nodesCount uint32) unsafe.Pointer {
	defer explain()
	enter(abiContext{})
	var loaded abiLoaded
	if err := theOperator.load(abiList{name, nameSize}.text(), abiTable{rows, abiList{nodes, nodesCount}}.table()); err != nil {
		loaded.failed, loaded.of.kind, loaded.of.reason = 1, 1, listOfText(err.Error())
	}
	return answer(loaded)
}

//go:wasmexport cabi_post_pelton:operator/tables@0.1.0#load
func abiPostLoad(unsafe.Pointer) { unpin() }

//go:wasmexport cabi_post_pelton:operator/transform@0.1.0#open
func abiPostOpen(unsafe.Pointer) { unpin() }

//go:wasmexport cabi_post_pelton:operator/transform@0.1.0#process
func abiPostProcess(unsafe.Pointer) { unpin() }
