package guest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unsafe"
)

// Several outputs. They are the fields of a struct, which the function is given and whose Emit it calls.

// A Port is an output of an operator that has several: a field of a struct that [Split], [Call.Ports] and [Pair.Ports] give. The field
// NotFound is the output not-found; the tag `pelton:"name"` gives another name. The first field is the main output.
type Port[Out any] struct {
	name          string
	fields        []field
	at            *emission
	made          []Out
	keys, origins []uint32
}

// emission is what the function looks at.
type emission struct {
	key, row uint32   // row is what Emit says that a row came from
	numbers  []uint32 // of a keyed operator's rows
}

// Emit emits a row. Of a keyed operator no single row stands for it: columns that pass, beside the key and the event time, are null.
func (p *Port[Out]) Emit(made Out) { p.emit(made, p.at.row) }

// EmitFrom emits, of a keyed operator, a row that came from Rows[row] of the call: it has that row's event time and, if any pass, its columns.
func (p *Port[Out]) EmitFrom(row int, made Out) {
	if p.at.numbers == nil {
		panic("guest: EmitFrom is for keyed operators whose key has rows: Emit says of others what a row came from")
	}
	p.emit(made, p.at.numbers[row])
}

func (p *Port[Out]) emit(made Out, origin uint32) {
	p.made, p.keys, p.origins = append(p.made, made), append(p.keys, p.at.key), append(p.origins, origin)
}

// outPort is a Port of any row.
type outPort interface {
	declare(name string, at *emission)
	describe() (name string, fields []field)
	// forget forgets what the row emitted last.
	forget(row uint32)
	// take takes what was emitted, and begins anew.
	take() emitted
}

// emitted is what left by a port; columns are those of the struct.
type emitted struct {
	rows          int
	keys, origins []uint32
	made          []made
}

func (p *Port[Out]) declare(name string, at *emission) {
	p.name, p.at, p.fields = name, at, fieldsOf(reflect.TypeFor[Out]())
}

func (p *Port[Out]) describe() (string, []field) { return p.name, p.fields }

func (p *Port[Out]) forget(row uint32) {
	rows := len(p.origins)
	for rows > 0 && p.origins[rows-1] == row {
		rows--
	}
	p.made, p.keys, p.origins = p.made[:rows], p.keys[:rows], p.origins[:rows]
}

func (p *Port[Out]) take() emitted {
	of := emitted{len(p.made), slices.Clone(p.keys), slices.Clone(p.origins), storedRows(p.fields, p.made)}
	clear(p.made)
	p.made, p.keys, p.origins = p.made[:0], p.keys[:0], p.origins[:0]
	return of
}

// portsOf is the outputs that the fields of a struct are; none, if its first field is no Port.
func portsOf(outputs any, at *emission) []outPort {
	of := reflect.ValueOf(outputs).Elem()
	if of.Kind() != reflect.Struct || of.NumField() == 0 || !of.Type().Field(0).IsExported() {
		return nil
	}
	if _, is := of.Field(0).Addr().Interface().(outPort); !is {
		return nil
	}
	var ports []outPort
	var names []string
	for i := range of.NumField() {
		part := of.Type().Field(i)
		name := part.Tag.Get("pelton")
		if name == "" {
			name = strings.ReplaceAll(snake(part.Name), "_", "-")
		}
		var port outPort
		if part.IsExported() {
			port, _ = of.Field(i).Addr().Interface().(outPort)
		}
		if port == nil {
			panic(fmt.Sprintf("guest: %s.%s is no guest.Port, or is not exported", of.Type(), part.Name))
		}
		if slices.Contains(names, name) {
			panic(fmt.Sprintf("guest: %s has two outputs of the name `%s`", of.Type(), name))
		}
		port.declare(name, at)
		ports, names = append(ports, port), append(names, name)
	}
	return ports
}

// On says rules of one output, in the place of those that hold for all of them; EventTime behind the operator is that of the main one.
func On(port string, rules ...Rule) Rule { return Rule{kind: ruleOn, name: port, of: rules} }

// outSpec is an output as open needs to know it.
type outSpec struct {
	name  string
	makes []field
}

// outs are the operator's outputs, the main one first.
func (o *operator) outs() []outSpec {
	if len(o.ports) == 0 {
		return []outSpec{{"out", o.makes}}
	}
	var outs []outSpec
	for _, port := range o.ports {
		name, makes := port.describe()
		outs = append(outs, outSpec{name, makes})
	}
	return outs
}

// rulesOn are those of an output. If no rule says what passes, keyed operators and cogroups pass the key.
func rulesOn(rules []Rule, place int, name string, key []string) []Rule {
	var all, own []Rule
	for _, rule := range rules {
		switch {
		case rule.kind == ruleOn && rule.name == name:
			own = append(own, rule.of...)
		case rule.kind != ruleOn:
			all = append(all, rule)
		}
	}
	if place > 0 {
		all = slices.DeleteFunc(all, func(rule Rule) bool { return rule.kind == ruleEventTime })
	}
	if has(own, rulePass, rulePassAll, rulePassNone, ruleDrop, ruleRename) {
		all = slices.DeleteFunc(all, func(rule Rule) bool { return rule.kind != ruleEventTime })
	}
	all = append(all, own...)
	if key != nil {
		all = passKey(all, key)
	}
	return all
}

// withPorts is describe where the rows made may be a struct of outputs.
func withPorts[In, Out, Options any](options *Options, rules []Rule) (*operator, *Out) {
	outputs, at := new(Out), &emission{row: noOrigin}
	ports := portsOf(outputs, at)
	if ports == nil {
		return describe[In, Out](options, rules), nil
	}
	of := describe[In, struct{}](options, rules)
	of.ports, of.at = ports, at
	var names []string
	for _, spec := range of.outs() {
		names = append(names, spec.name)
	}
	for _, rule := range rules {
		if rule.kind == ruleOn && !slices.Contains(names, rule.name) {
			panic(fmt.Sprintf("guest: a rule is for the output `%s`: %s", rule.name, suggest(rule.name, names)))
		}
	}
	return of, outputs
}

// Split makes a function of one row the module's operator, with several outputs: the fields of Outs, each a [Port]. What it emitted before it
// rejects the row is forgotten.
func Split[In, Outs, Options any](function func(row In, out *Outs, options *Options) Verdict, rules ...Rule) *operator {
	defer explain()
	of, _ := splitOf(function, rules)
	return register(of)
}

func splitOf[In, Outs, Options any](function func(In, *Outs, *Options) Verdict, rules []Rule) (*operator, *Options) {
	options := new(Options)
	of, outputs := withPorts[In, Outs](options, rules)
	if outputs == nil {
		panic(fmt.Sprintf("guest: the fields of %s are outputs, each a guest.Port", reflect.TypeFor[Outs]()))
	}
	var in [blockRows]In
	of.run = func(columns []column, rows int, skip []bool, results *results) {
		blocks(columns, rows, unsafe.Pointer(&in), unsafe.Sizeof(in[0]), func(start, rows int) {
			for i := range rows {
				if skip != nil && skip[start+i] {
					continue
				}
				row := uint32(start + i)
				current.enter(row)
				of.at.row = row
				if function(in[i], outputs, options) != rejected {
					continue
				}
				for _, port := range of.ports {
					port.forget(row)
				}
				results.reject(start + i)
			}
		})
	}
	return of, options
}

// taken is what left by each output that has rows. Of a transform of so many rows, or a cogroup of so many keys, an origin that counts them is none.
func (o *operator) taken(rows int) []portOutput {
	taken := []portOutput{}
	for place, port := range o.ports {
		of := port.take()
		if of.rows == 0 {
			continue
		}
		left := portOutput{uint32(place), of.rows, of.keys, of.origins, ordered(of.made, o.planned.orders[place])}
		if rows == of.rows && isCounting(of.origins) {
			left.origin = nil
		}
		taken = append(taken, left)
	}
	return taken
}
