package guest

import (
	"fmt"
	"maps"
)

// retries is how often a batch is asked again, as by an endpoint whose job says nothing of it.
const retries = 3

// asker answers the requests of a test.
type asker struct {
	replies func(*Request) Reply
	// asked is what was asked at once; known the last replies, with which the operator was content.
	asked []*Request
	known map[string]Reply
}

// call asks for the rows, and again as often as the operator wants it; requests that were asked before are told the same.
func (a *asker) call(of *operator, rows int, nodes []node) (output, error) {
	requests, wanted := of.ask(rows, nodes)
	isFirst := a.known == nil
	if isFirst {
		a.asked, a.known = requests, map[string]Reply{}
	}
	if len(requests) > 0 && a.replies == nil {
		return output{}, fmt.Errorf("nobody replies to %s: Setting.Replies is nil", requests[0])
	}
	for round := 0; ; round++ {
		var told []Reply
		for _, request := range requests {
			reply, is := a.known[request.key()]
			if isFirst {
				reply = a.replies(request)
				a.known[request.key()] = reply
			} else if !is {
				return output{}, fmt.Errorf("the requests depend on how rows are cut into batches: %s is asked for by a row alone", request)
			}
			told = append(told, reply)
		}
		context := current
		out, again := of.answer(rows, nodes, wanted, told)
		if again == "" {
			return out, nil
		}
		if round == retries || !isFirst {
			return output{}, fmt.Errorf("wants to ask again: %s", again)
		}
		current = context
	}
}

// requests are copies of what was asked.
func (a *asker) requests() []Request {
	var asked []Request
	for _, request := range a.asked {
		asked = append(asked, *request)
	}
	return asked
}

// Replies is a function for Setting.Replies that answers by what is written for the paths of requests, with their queries; all others are not
// found, status 404.
func Replies(bodies map[string]string) func(*Request) Reply {
	bodies = maps.Clone(bodies)
	return func(request *Request) Reply {
		body, is := bodies[request.Path]
		if !is {
			return Reply{Status: 404}
		}
		return Reply{Status: 200, Body: []byte(body)}
	}
}
