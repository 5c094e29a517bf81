package guest

import (
	"fmt"
	"reflect"
	"slices"
)

// A Pair is one key with its rows on two inputs; either side may have none.
type Pair[Key, Left, Right, Out any] struct {
	Key   Key
	Left  []Left
	Right []Right

	left, right []uint32 // their numbers over both sides
	place       uint32
	sink        *pairSink[Out]
	ports       *Out // if it is a struct of them
}

// pairSink collects what all keys of a call come to.
type pairSink[Out any] struct {
	made     []Out
	keys     []uint32
	rejected map[uint32]string
}

// Ports is the outputs, where Out is a struct of them: each has an Emit of its own.
func (p *Pair[Key, Left, Right, Out]) Ports() *Out {
	if p.ports == nil {
		panic(fmt.Sprintf("guest: the first field of %s is no guest.Port, so there is one output: Emit", reflect.TypeFor[Out]()))
	}
	return p.ports
}

// Emit emits a row of the key.
func (p *Pair[Key, Left, Right, Out]) Emit(made Out) {
	if p.ports != nil {
		panic("guest: there are several outputs: call Emit of one of pair.Ports()")
	}
	p.sink.made, p.sink.keys = append(p.sink.made, made), append(p.sink.keys, p.place)
}

// RejectLeft refuses Left[row], which goes to operator.left-rejected with the reason. The first reason counts.
func (p *Pair[Key, Left, Right, Out]) RejectLeft(row int, reason string) {
	p.reject(p.left[row], reason)
}

// RejectRight refuses Right[row], which goes to operator.right-rejected.
func (p *Pair[Key, Left, Right, Out]) RejectRight(row int, reason string) {
	p.reject(p.right[row], reason)
}

func (p *Pair[Key, Left, Right, Out]) reject(number uint32, reason string) {
	if _, is := p.sink.rejected[number]; !is {
		p.sink.rejected[number] = reason
	}
}

// AtLeft makes Current speak of Left[row]; before, it speaks of the key's first row.
func (p *Pair[Key, Left, Right, Out]) AtLeft(row int) { current.enter(p.left[row]) }

// AtRight makes Current speak of Right[row].
func (p *Pair[Key, Left, Right, Out]) AtRight(row int) { current.enter(p.right[row]) }

// joining is what the interface cogroup asks for.
type joining struct {
	keys         []field
	planned      []plannedKey
	right        []field
	rightFormats []string
	process      func(call pairCall) output
}

// Cogroup makes a function of one key and its rows on two inputs the module's operator: the general join. It is called for each key that has
// rows on either side. Of the inputs the columns of the key leave, by their names on the left, and no others can; a row has no event time, unless
// the rule EventTime names a column.
func Cogroup[Key, Left, Right, Out, Options any](function func(*Pair[Key, Left, Right, Out], *Options), rules ...Rule) *operator {
	defer explain()
	options := new(Options)
	of, outputs := withPorts[Left, Out](options, rules)
	of.kind = "cogroup"
	by := &joining{keys: fieldsOf(reflect.TypeFor[Key]()), right: fieldsOf(reflect.TypeFor[Right]())}
	of.byPair = by
	by.process = func(call pairCall) output {
		first := uint32(call.left.rows)
		left, leftNumbers, refused := shownOf[Left](of.columns(call.left.rows, call.left.nodes), call.left.rows)
		right, rightNumbers, refusedRight := shownOf[Right](by.columns(call.right), call.right.rows)
		for row, reason := range refusedRight {
			refused[first+row] = reason
		}
		for i := range rightNumbers {
			rightNumbers[i] += first
		}
		keys, whyRefused := shownKeys[Key](by.keys, by.planned, call.keys)
		sink := &pairSink[Out]{rejected: refused}
		leftStart, rightStart := 0, 0
		for place := range keys {
			leftEnd := upTo32(leftNumbers, call.leftEnds[place])
			rightEnd := upTo32(rightNumbers, first+call.rightEnds[place])
			one := Pair[Key, Left, Right, Out]{
				Key: keys[place], Left: left[leftStart:leftEnd:leftEnd], Right: right[rightStart:rightEnd:rightEnd],
				left: leftNumbers[leftStart:leftEnd], right: rightNumbers[rightStart:rightEnd], place: uint32(place), sink: sink,
				ports: outputs,
			}
			leftStart, rightStart = leftEnd, rightEnd
			numbers := slices.Concat(one.left, one.right)
			if len(numbers) == 0 {
				continue
			}
			if why, is := whyRefused[place]; is {
				for _, number := range numbers {
					one.reject(number, why)
				}
				continue
			}
			current.enter(numbers[0])
			if outputs != nil {
				*of.at = emission{key: uint32(place), row: uint32(place)}
			}
			function(&one, options)
		}
		if of.ports != nil {
			return output{rejected: inOrder(sink.rejected), ports: of.taken(len(keys))}
		}
		origin := sink.keys
		if origin == nil {
			origin = []uint32{}
		}
		nodes := of.ordered(storedRows(of.makes, sink.made))
		return output{rows: len(sink.made), origin: origin, nodes: nodes, rejected: inOrder(sink.rejected)}
	}
	return register(of)
}

// upTo32 is how many of the numbers, which ascend, are below the end.
func upTo32(numbers []uint32, end uint32) int {
	at, _ := slices.BinarySearch(numbers, end)
	return at
}

// columns are those of the right.
func (j *joining) columns(right table) []column {
	columns := make([]column, len(j.right))
	for i, read := range j.right {
		columns[i] = view(read, right.nodes[i], j.rightFormats[i], right.rows)
	}
	return columns
}

// openPair is the answer to open of a cogroup.
func (o *operator) openPair(inputs []input) (contract, error) {
	edges, err := twoInputs(inputs)
	if err != nil {
		return contract{}, err
	}
	by := o.byPair
	if by.planned, err = fitKey(edges[0], by.keys); err != nil {
		return contract{}, err
	}
	agreed, planned, err := fit(edges[:1], o.reads, o.outs(), o.rules, edges[0].key)
	if err != nil {
		return contract{}, err
	}
	o.planned = planned
	agreed.rightReads, _, by.rightFormats, err = fitReads(edges[1], by.right, "the input")
	agreed.isPair = true
	return agreed, err
}
