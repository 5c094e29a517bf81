package guest

import (
	"fmt"
	"reflect"
	"strings"
)

// State of older versions of a module, made into this version's. Lists and maps go on as they are, and must have the columns that they had.

// migration is the function of one version before.
type migration struct {
	older []field
	state reflect.Type
	run   func(rows table, kept []field) (table, error)
}

// Migrate is, for a keyed operator, the function of what the version before kept for a key; with several of these rules, of each version before,
// the first first. It answers with the state now, with nil to drop it, or with an error that says why it cannot be taken over.
func Migrate[Older, State any](function func(Older) (*State, error)) Rule {
	older := keptOf[Older]()
	run := func(rows table, kept []field) (table, error) {
		states := make([]State, rows.rows)
		dropped := make([]bool, rows.rows)
		for row, before := range loadKept[Older](older, rows) {
			if dropped[row] = isNothing(rows, row); dropped[row] {
				continue
			}
			for i, of := range older {
				if validity := rows.nodes[i].buffers[0]; !of.nullable && len(validity) > 0 && !bit(validity, row) {
					return table{}, fmt.Errorf("`%s` of a key's state is null, though other fields have values and it is no Null", of.column)
				}
			}
			state, err := function(before)
			switch {
			case err != nil:
				return table{}, err
			case state == nil:
				dropped[row] = true
			default:
				states[row] = *state
			}
		}
		return without(storeKept(kept, states), dropped), nil
	}
	return Rule{kind: ruleMigrate, migration: &migration{older, reflect.TypeFor[State](), run}}
}

// without makes rows rows of nulls.
func without(rows table, dropped []bool) table {
	for i, of := range rows.nodes {
		bits := make([]byte, (rows.rows+7)/8)
		for row, is := range dropped {
			if !is && (len(of.buffers[0]) == 0 || bit(of.buffers[0], row)) {
				bits[row>>3] |= 1 << (row & 7)
			}
		}
		rows.nodes[i].buffers[0] = bits
	}
	return rows
}

// migrationsOf are those of rules, for a state of this type.
func migrationsOf(rules []Rule, state reflect.Type) []*migration {
	var all []*migration
	for _, rule := range rules {
		if rule.migration == nil {
			continue
		}
		if rule.migration.state != state {
			panic(fmt.Sprintf("guest: a function that migrates answers with *%s, but *%s is what the operator keeps", rule.migration.state, state))
		}
		all = append(all, rule.migration)
	}
	if len(all) > 0 && state == reflect.TypeFor[NoState]() {
		panic("guest: there is a guest.Migrate, but no state that could be migrated")
	}
	return all
}

// migrate is the rows of a table that a version kept, as this one keeps them. An error is in words for the job's owner.
func (k *keying) migrate(name string, version uint32, old []wireField, rows table) (table, error) {
	if name != stateTable || len(k.kept) == 0 {
		return rows, k.goesOn(name, old)
	}
	if version < 1 || int(version) > len(k.migrations) {
		return table{}, fmt.Errorf("this module has no function that migrates state of version %d", version)
	}
	from := k.migrations[version-1]
	if err := sameColumns(fmt.Sprintf("what guest.Migrate expects of version %d", version), old, from.older); err != nil {
		return table{}, err
	}
	return from.run(rows, k.kept)
}

// goesOn says whether a list or map is as it was.
func (k *keying) goesOn(name string, old []wireField) error {
	for _, table := range k.tables {
		known := table.describe()
		if known.name != name {
			continue
		}
		wanted := append(append([]field(nil), known.subkey...), known.values...)
		if len(old) > 0 && table.isList() {
			// How a list calls its positions is the SDK's.
			wanted[0].column = old[0].name
		}
		return sameColumns(fmt.Sprintf("`%s`, which goes on as it is,", name), old, wanted)
	}
	return fmt.Errorf("this module keeps no `%s`", name)
}

// sameColumns says whether the columns that came are those that are expected, in their order.
func sameColumns(what string, came []wireField, wanted []field) error {
	var shown, expected []string
	for _, of := range came {
		shown = append(shown, of.name+": "+of.format)
	}
	for _, of := range wanted {
		expected = append(expected, of.column+": "+of.format)
	}
	if left, right := strings.Join(shown, ", "), strings.Join(expected, ", "); left != right {
		return fmt.Errorf("%s has the columns (%s), but (%s) came", what, right, left)
	}
	return nil
}
