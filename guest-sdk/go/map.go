package guest

import (
	"iter"
	"reflect"
	"slices"
	"sort"
	"unsafe"
)

// Map is a map that the engine keeps for each key: rows found by a subkey, and gone through in its order. Subkeys are bool, integers, string, []byte,
// Date, Timestamp or a struct of these; values are structs of columns or single values. Reading costs what is read, so a map may be larger
// than the memory of an instance.
type Map[K, V any] struct {
	entries[K, V]
	// What this call has put or taken away, in order of subkey.
	changed []mapChange[K, V]
}

type mapChange[K, V any] struct {
	entry[K, V]
	gone bool
}

func (m *Map[K, V]) declare(name string) {
	m.name, m.keys, m.values = name, subkey(reflect.TypeFor[K]()), layout(reflect.TypeFor[V](), "value")
}

func (*Map[K, V]) isList() bool { return false }

// Get is the value under a subkey, if there is one.
func (m *Map[K, V]) Get(key K) (V, bool) {
	if at, is := m.find(key); is {
		return m.changed[at].value, !m.changed[at].gone
	}
	rows, _ := m.read(&key, nil, 1, false)
	if len(rows) == 0 || m.compare(&rows[0].key, &key) != 0 {
		return *new(V), false
	}
	return rows[0].value, true
}

// Put puts a value under a subkey, in the place of the one that may be there, which is not read.
func (m *Map[K, V]) Put(key K, value V) { m.change(mapChange[K, V]{entry[K, V]{key, value}, false}) }

// Delete takes away what may be under a subkey, which is not read.
func (m *Map[K, V]) Delete(key K) { m.change(mapChange[K, V]{entry[K, V]{key, *new(V)}, true}) }

// IsEmpty says whether there is nothing.
func (m *Map[K, V]) IsEmpty() bool {
	for range m.All() {
		return false
	}
	return true
}

// Clear takes all rows away. It costs what reading them does.
func (m *Map[K, V]) Clear() {
	// What was put in this call and was not there before needs no change.
	m.changed = nil
	m.parts(nil, nil, false, func(rows []entry[K, V], _ covered[K]) bool {
		for _, row := range rows {
			m.changed = append(m.changed, mapChange[K, V]{entry[K, V]{row.key, *new(V)}, true})
		}
		return true
	})
}

// All is subkeys and values in order; it reads as far as it is taken. What is changed meanwhile may be seen or not.
func (m *Map[K, V]) All() iter.Seq2[K, V] { return MapRange[K, V]{of: m}.All() }

// Backward is subkeys and values from the last on.
func (m *Map[K, V]) Backward() iter.Seq2[K, V] { return MapRange[K, V]{of: m}.Backward() }

// From is the rows from a subkey on.
func (m *Map[K, V]) From(key K) MapRange[K, V] { return MapRange[K, V]{m, &key, nil} }

// Until is the rows before a subkey.
func (m *Map[K, V]) Until(key K) MapRange[K, V] { return MapRange[K, V]{m, nil, &key} }

// Range is the rows from a subkey to before another.
func (m *Map[K, V]) Range(from, to K) MapRange[K, V] { return MapRange[K, V]{m, &from, &to} }

// MapRange is a range of a map.
type MapRange[K, V any] struct {
	of       *Map[K, V]
	from, to *K
}

// All is subkeys and values in order.
func (r MapRange[K, V]) All() iter.Seq2[K, V] { return r.seq(false) }

// Backward is subkeys and values from the last on.
func (r MapRange[K, V]) Backward() iter.Seq2[K, V] { return r.seq(true) }

func (r MapRange[K, V]) seq(backward bool) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		if r.from != nil && r.to != nil && r.of.compare(r.from, r.to) >= 0 {
			return
		}
		r.of.parts(r.from, r.to, backward, func(rows []entry[K, V], part covered[K]) bool {
			return r.of.merged(rows, part, backward, yield)
		})
	}
}

func (m *Map[K, V]) compare(left, right *K) int {
	return compareBy(m.keys, unsafe.Pointer(left), unsafe.Pointer(right))
}

// position is where the first change stands that is not before the subkey, or is after it.
func (m *Map[K, V]) position(key *K, after bool) int {
	return sort.Search(len(m.changed), func(i int) bool {
		order := m.compare(&m.changed[i].key, key)
		return order > 0 || order == 0 && !after
	})
}

func (m *Map[K, V]) find(key K) (int, bool) {
	at := m.position(&key, false)
	return at, at < len(m.changed) && m.compare(&m.changed[at].key, &key) == 0
}

func (m *Map[K, V]) change(change mapChange[K, V]) {
	if at, is := m.find(change.key); is {
		m.changed[at] = change
	} else {
		m.changed = slices.Insert(m.changed, at, change)
	}
}

// someChanges is how many changes an iteration takes in at once.
const someChanges = 64

// merged yields the rows of a part with what was changed within its range; whether to go on. Changes are taken in some at a time, and rows up to
// the last of them are settled before any is yielded: so a subkey comes once, whatever the function changes meanwhile.
func (m *Map[K, V]) merged(rows []entry[K, V], part covered[K], backward bool, yield func(K, V) bool) bool {
	for isLast := false; !isLast; {
		var some []mapChange[K, V]
		some, isLast = m.someOf(part, backward)
		var settled []entry[K, V]
		for len(some) > 0 || isLast && len(rows) > 0 {
			order := 1
			switch {
			case len(rows) == 0:
				order = -1
			case len(some) > 0:
				if order = m.compare(&some[0].key, &rows[0].key); backward {
					order = -order
				}
			}
			if order >= 0 {
				if order > 0 {
					settled = append(settled, rows[0])
				}
				rows = rows[1:]
			}
			if order <= 0 {
				if !some[0].gone {
					settled = append(settled, some[0].entry)
				}
				if backward {
					part.high, part.through = &some[0].key, false
				} else {
					part.low, part.after = &some[0].key, true
				}
				some = some[1:]
			}
		}
		for _, row := range settled {
			if !yield(row.key, row.value) {
				return false
			}
		}
	}
	return true
}

// someOf is the first changes within a range, and whether they are all.
func (m *Map[K, V]) someOf(part covered[K], backward bool) ([]mapChange[K, V], bool) {
	from, to := 0, len(m.changed)
	if part.low != nil {
		from = m.position(part.low, part.after)
	}
	if part.high != nil {
		to = m.position(part.high, part.through)
	}
	if to = max(from, to); to-from <= someChanges {
		some := slices.Clone(m.changed[from:to])
		if backward {
			slices.Reverse(some)
		}
		return some, true
	}
	if !backward {
		return slices.Clone(m.changed[from : from+someChanges]), false
	}
	some := slices.Clone(m.changed[to-someChanges : to])
	slices.Reverse(some)
	return some, false
}

func (m *Map[K, V]) leave() {
	for _, change := range m.changed {
		kind := byte(kindPut)
		if change.gone {
			kind = kindDelete
		}
		m.note(kind, change.key, change.value)
	}
	m.changed = nil
}
