package guest

import (
	"fmt"
	"slices"
)

// A Rule says which columns of the input leave besides the computed ones; without one, all do.
type Rule struct {
	kind         ruleKind
	column, name string
	of           []Rule // of one output
	tables       []SideTable
	migration    *migration
}

type ruleKind int

const (
	rulePassNone ruleKind = iota
	rulePassAll
	rulePass
	ruleDrop
	ruleRename
	ruleEventTime
	ruleOrdered
	ruleOn
	ruleWith
	ruleMigrate
)

// PassNone lets no column pass.
func PassNone() Rule { return Rule{kind: rulePassNone} }

// PassAll lets all columns pass, as those of transforms do without a rule; of keyed operators only those of the key do.
func PassAll() Rule { return Rule{kind: rulePassAll} }

// Pass lets this column pass, and others only if they are named as well.
func Pass(column string) Rule { return Rule{kind: rulePass, column: column} }

// Drop leaves this column out.
func Drop(column string) Rule { return Rule{kind: ruleDrop, column: column} }

// Rename lets this column pass under another name.
func Rename(column, name string) Rule { return Rule{kind: ruleRename, column: column, name: name} }

// EventTime is the column that is the output's event time, if it is not the input's.
func EventTime(column string) Rule { return Rule{kind: ruleEventTime, column: column} }

// Ordered says that the Merge of an aggregate needs to know which side is earlier.
func Ordered() Rule { return Rule{kind: ruleOrdered} }

func has(rules []Rule, kinds ...ruleKind) bool {
	return slices.ContainsFunc(rules, func(rule Rule) bool { return slices.Contains(kinds, rule.kind) })
}

// plan is how batches are read and answered, as agreed in open.
type plan struct {
	formats []string // of the columns read
	orders  [][]int  // for each output, the computed columns in the contract's order
}

// fit is the answer to open. An error is in words for the job's owner. Where there is a key, it passes if no rule says what does.
func fit(inputs []input, reads []field, outs []outSpec, rules []Rule, key []string) (contract, plan, error) {
	var agreed contract
	var planned plan
	edge, err := onlyInput(inputs)
	if err != nil {
		return agreed, planned, err
	}
	var names []string
	if agreed.reads, names, planned.formats, err = fitReads(edge, reads, "the input"); err != nil {
		return agreed, planned, err
	}
	for place, out := range outs {
		of := rulesOn(rules, place, out.name, key)
		if err := checkRules(of, names); err != nil {
			return agreed, planned, err
		}
		port, order, err := layOut(out, of, names)
		if err != nil {
			return agreed, planned, err
		}
		agreed.ports, planned.orders = append(agreed.ports, port), append(planned.orders, order)
	}
	return agreed, planned, nil
}

// fitReads is the columns of an input that are read, all there are, and the formats of the former.
func fitReads(edge input, reads []field, of string) (columns, names, formats []string, err error) {
	given := topLevel(edge.fields)
	for _, column := range given {
		names = append(names, column.name)
	}
	for _, read := range reads {
		at := slices.Index(names, read.column)
		if at < 0 {
			return nil, nil, nil, fmt.Errorf("%s has no column `%s`, which `%s` reads as %s: %s",
				of, read.column, read.goName, read.wants(), suggest(read.column, names))
		}
		if format := given[at].format; !read.accepts(format) {
			return nil, nil, nil, fmt.Errorf("column `%s` is %s, but `%s` reads it as %s",
				read.column, typeName(format), read.goName, read.wants())
		}
		columns, formats = append(columns, read.column), append(formats, given[at].format)
	}
	return columns, names, formats, nil
}

// twoInputs are those of a join.
func twoInputs(inputs []input) ([]input, error) {
	inputs = slices.DeleteFunc(slices.Clone(inputs), func(in input) bool { return in.mode == "table" })
	if len(inputs) != 2 {
		return nil, fmt.Errorf("this module joins two inputs, but the operator has %d", len(inputs))
	}
	return inputs, nil
}

func onlyInput(inputs []input) (input, error) {
	inputs = slices.DeleteFunc(slices.Clone(inputs), func(in input) bool { return in.mode == "table" })
	if len(inputs) != 1 {
		return input{}, fmt.Errorf("this module has one input, but the operator has %d", len(inputs))
	}
	return inputs[0], nil
}

// plannedKey is a column of the key that is read: its place in the operator's key.
type plannedKey struct {
	place  int
	format string
}

func fitKey(edge input, keys []field) ([]plannedKey, error) {
	if len(edge.key) == 0 {
		return nil, fmt.Errorf("this module keeps state for each key, but the operator has no `key`")
	}
	columns := topLevel(edge.fields)
	var planned []plannedKey
	for _, key := range keys {
		place := slices.Index(edge.key, key.column)
		at := slices.IndexFunc(columns, func(column wireField) bool { return column.name == key.column })
		if place < 0 || at < 0 {
			return nil, fmt.Errorf("`%s` reads `%s` of the key, but it is not in the operator's `key`: %s",
				key.goName, key.column, suggest(key.column, edge.key))
		}
		if format := columns[at].format; !key.accepts(format) {
			return nil, fmt.Errorf("column `%s` is %s, but `%s` reads it as %s",
				key.column, typeName(format), key.goName, key.wants())
		}
		planned = append(planned, plannedKey{place, columns[at].format})
	}
	return planned, nil
}

// topLevel is the columns, without the children of lists and structs.
func topLevel(fields []wireField) []wireField {
	var columns []wireField
	skip := uint32(0)
	for _, field := range fields {
		if skip > 0 {
			skip += field.children - 1
			continue
		}
		columns = append(columns, field)
		skip = field.children
	}
	return columns
}

func checkRules(rules []Rule, names []string) error {
	for _, rule := range rules {
		ofColumn := rule.kind == rulePass || rule.kind == ruleDrop || rule.kind == ruleRename
		if ofColumn && !slices.Contains(names, rule.column) {
			return fmt.Errorf("the input has no column `%s`, which a rule of the module names", rule.column)
		}
	}
	return nil
}

func passes(rules []Rule, column string) bool {
	only, named := false, false
	for _, rule := range rules {
		switch rule.kind {
		case rulePassNone:
			only = true
		case rulePass:
			only, named = true, named || rule.column == column
		case ruleDrop:
			if rule.column == column {
				return false
			}
		}
	}
	return !only || named
}

// layOut is the columns of an output: the passed ones in the input's order, a computed one in the place of the passed one
// whose name it has, and then the other computed ones.
func layOut(out outSpec, rules []Rule, names []string) (port wirePort, order []int, err error) {
	port.name = out.name
	makes, taken := out.makes, map[string]bool{}
	compute := func(at int) {
		made := makes[at]
		taken[made.column] = true
		order = append(order, at)
		port.fields = append(port.fields, outputField{name: made.column, format: made.format, nullable: made.nullable})
	}
	for _, column := range names {
		if !passes(rules, column) {
			continue
		}
		name := column
		for _, rule := range rules {
			if rule.kind == ruleRename && rule.column == column {
				name = rule.name
			}
		}
		at := slices.IndexFunc(makes, func(made field) bool { return made.column == name })
		switch {
		case at >= 0 && !taken[name]:
			compute(at)
		case at >= 0:
		case taken[name]:
			return port, order, fmt.Errorf("output `%s` would have two columns `%s`", out.name, name)
		default:
			taken[name] = true
			port.fields = append(port.fields, outputField{passed: true, column: column, name: name})
		}
	}
	for at, made := range makes {
		if !taken[made.column] {
			compute(at)
		}
	}
	for _, rule := range rules {
		if rule.kind == ruleEventTime {
			if !taken[rule.column] {
				return port, order, fmt.Errorf("output `%s` has no column `%s` to be its event time", out.name, rule.column)
			}
			port.eventTime = rule.column
		}
	}
	return port, order, nil
}
