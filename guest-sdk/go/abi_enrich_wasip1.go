//go:build pelton_enrich && wasip1

package guest

import (
	"errors"
	"unsafe"
)

// The exports of pelton:operator/enrich@0.1.0.

type abiHeader struct{ name, value abiList }

type abiRequest struct {
	endpoint, method, path, headers, body abiList
}

// abiAsked is the requests, for this module gives no other answer to ask.
type abiAsked struct {
	failed           uint8
	requests, wanted abiList
}

type abiReply struct {
	status        uint16
	headers, body abiList
	error         abiOption
}

// abiRetry is a failure in the place of an output.
type abiRetry struct {
	failed uint8
	of     struct {
		kind   uint8 // 0 retry
		reason abiList
		_      uint32
	}
}

// Replies are many small buffers: to look through those of the call before costs more than new ones, and an author may keep all of them.
func init() { lendsAgain = false }

func (r *Request) abi() abiRequest {
	var headers []abiHeader
	for _, header := range r.Headers {
		headers = append(headers, abiHeader{listOfText(header.Name), listOfText(header.Value)})
	}
	return abiRequest{listOfText(r.Endpoint), listOfText(r.Method), listOfText(r.Path), listOf(headers), listOf(r.Body)}
}

func (r abiReply) reply() Reply {
	reply := Reply{Status: int(r.status), Body: sliceOf[byte](r.body)}
	for _, header := range sliceOf[abiHeader](r.headers) {
		reply.Headers = append(reply.Headers, Header{header.name.text(), header.value.text()})
	}
	if r.error.some != 0 {
		reply.Err = errors.New(r.error.value.text())
	}
	return reply
}

//go:wasmexport pelton:operator/enrich@0.1.0#open
func abiOpen(inputs, inputsCount, options, optionsSize uint32) unsafe.Pointer {
	defer explain()
	return open("enrich", abiList{inputs, inputsCount}, abiList{options, optionsSize})
}

//go:wasmexport pelton:operator/enrich@0.1.0#ask
func abiAsk(epoch, firstRow uint64, now, watermark int64, seed uint64, rows, nodes, nodesCount uint32) unsafe.Pointer {
	defer explain()
	enter(abiContext{epoch, firstRow, now, watermark, seed})
	given := abiTable{rows, abiList{nodes, nodesCount}}.table()
	requests, wanted := theOperator.ask(given.rows, given.nodes)
	var asked []abiRequest
	for _, request := range requests {
		asked = append(asked, request.abi())
	}
	return answer(abiAsked{0, listOf(asked), bufferOf(wanted)})
}

//go:wasmexport pelton:operator/enrich@0.1.0#answer
func abiAnswer(
	epoch, firstRow uint64, now, watermark int64, seed uint64, rows, nodes, nodesCount, wanted, wantedSize, replies, repliesCount uint32,
) unsafe.Pointer {
	defer explain()
	enter(abiContext{epoch, firstRow, now, watermark, seed})
	given := abiTable{rows, abiList{nodes, nodesCount}}.table()
	var told []Reply
	for _, reply := range sliceOf[abiReply](abiList{replies, repliesCount}) {
		told = append(told, reply.reply())
	}
	out, again := theOperator.answer(given.rows, given.nodes, abiList{wanted, wantedSize}.words(), told)
	if again != "" {
		retry := abiRetry{failed: 1}
		retry.of.reason = listOfText(again)
		return answer(retry)
	}
	return out.abi()
}

//go:wasmexport cabi_post_pelton:operator/enrich@0.1.0#open
func abiPostOpen(unsafe.Pointer) { unpin() }

//go:wasmexport cabi_post_pelton:operator/enrich@0.1.0#ask
func abiPostAsk(unsafe.Pointer) { unpin() }

//go:wasmexport cabi_post_pelton:operator/enrich@0.1.0#answer
func abiPostAnswer(unsafe.Pointer) { unpin() }
