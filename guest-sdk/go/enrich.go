package guest

import (
	"unsafe"
)

// noRequest is what a row waits for that waits for nothing.
const noRequest = ^uint32(0)

// asking is what the interface enrich asks for besides a transform.
type asking struct {
	ask func(columns []column, rows int, skip []bool, asked func(row uint32, request *Request))
	// of the call of answer that is under way
	wanted  []uint32
	replies []Reply
}

// Enrich makes two functions of one row the module's operator. What ask returns is sent by the engine, each different request of a batch once, to
// an endpoint that the job file allows; nil asks nothing. answer makes a row of the reply, which is nil where nothing was asked, or leaves the
// row out or refuses it, as the function of [Transform] does. Both see the same rows.
func Enrich[In, Out, Options any](
	ask func(In, *Options) *Request, answer func(In, *Reply, *Options) (Out, Verdict), rules ...Rule,
) *operator {
	defer explain()
	if ask == nil || answer == nil {
		panic("guest: Enrich takes two functions: ask and answer")
	}
	its := new(asking)
	of, options := transformOf(func(in In, options *Options) (Out, Verdict) { return answer(in, its.reply(), options) }, rules)
	return enrichOf(of, options, its, ask)
}

// EnrichSplit is [Enrich] with several outputs, the fields of Outs, each a [Port]; and with any number of rows at each, so that with one it is a
// flat-map. What answer emitted before it rejects the row is forgotten.
func EnrichSplit[In, Outs, Options any](
	ask func(In, *Options) *Request, answer func(row In, reply *Reply, out *Outs, options *Options) Verdict, rules ...Rule,
) *operator {
	defer explain()
	if ask == nil || answer == nil {
		panic("guest: EnrichSplit takes two functions: ask and answer")
	}
	its := new(asking)
	of, options := splitOf(func(in In, out *Outs, options *Options) Verdict { return answer(in, its.reply(), out, options) }, rules)
	return enrichOf(of, options, its, ask)
}

func enrichOf[In, Options any](of *operator, options *Options, its *asking, ask func(In, *Options) *Request) *operator {
	var in [blockRows]In
	its.ask = func(columns []column, rows int, skip []bool, asked func(uint32, *Request)) {
		blocks(columns, rows, unsafe.Pointer(&in), unsafe.Sizeof(in[0]), func(start, rows int) {
			for i := range rows {
				if skip != nil && skip[start+i] {
					continue
				}
				row := uint32(start + i)
				current.enter(row)
				if request := ask(in[i], options); request != nil {
					asked(row, request)
				}
			}
		})
	}
	of.kind, of.asking = "enrich", its
	return register(of)
}

// reply is that of the row which the function looks at.
func (a *asking) reply() *Reply {
	wanted := a.wanted[current.at]
	if wanted == noRequest {
		return nil
	}
	if int(wanted) >= len(a.replies) {
		panic("the engine has no reply for a row that waits for one")
	}
	return &a.replies[wanted]
}

// ask is each different request once, in the order in which rows ask for them, and for each row the number of its own.
func (o *operator) ask(rows int, nodes []node) (requests []*Request, wanted []uint32) {
	wanted = make([]uint32, rows)
	for row := range wanted {
		wanted[row] = noRequest
	}
	columns := o.columns(rows, nodes)
	// Rows that are refused are rejected with the answer.
	skip := refuseNulls(columns, rows, &results{})
	known := map[string]uint32{}
	o.asking.ask(columns, rows, skip, func(row uint32, request *Request) {
		key := request.key()
		number, is := known[key]
		if !is {
			number = uint32(len(requests))
			known[key], requests = number, append(requests, request)
		}
		wanted[row] = number
	})
	return requests, wanted
}

// answer is what becomes of the rows; or why the batch is to be asked again, if it is.
func (o *operator) answer(rows int, nodes []node, wanted []uint32, replies []Reply) (out output, again string) {
	o.asking.wanted, o.asking.replies = wanted, replies
	out = o.process(rows, nodes)
	for i := range replies {
		if replies[i].again != "" {
			return output{}, replies[i].again
		}
	}
	return out, ""
}
