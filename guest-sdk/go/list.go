package guest

import (
	"iter"
	"reflect"
	"slices"
)

// List is a list that the engine keeps for each key: appended to at its end, taken from at its front, read anywhere. Its elements are structs of
// columns or single values. Reading costs what is read, so a list may be longer than the memory of an instance.
type List[T any] struct {
	entries[int64, T]
	// The numbers that the engine had when the call began, first and after the last, once they are known.
	first, end int64
	known      bool
	// What this call takes away of them, in order.
	gone []int64
	// Elements of the front, read to be looked at or taken away; drained says that the engine has no more of them.
	ahead   []entry[int64, T]
	drained bool
	limit   int // rows of the next part
	pushed  []T
}

func (l *List[T]) declare(name string) {
	l.name = name
	l.keys, l.values = []field{fieldOf("position", "position", reflect.TypeFor[int64](), 0, false)}, layout(reflect.TypeFor[T](), "value")
}

func (*List[T]) isList() bool { return true }

// Push appends elements.
func (l *List[T]) Push(elements ...T) { l.pushed = append(l.pushed, elements...) }

// Front is the first element, if there is one.
func (l *List[T]) Front() (T, bool) {
	if l.readAhead() {
		return l.ahead[0].value, true
	}
	return at(l.pushed, 0)
}

// Back is the last element, if there is one.
func (l *List[T]) Back() (T, bool) {
	if len(l.pushed) > 0 {
		return l.pushed[len(l.pushed)-1], true
	}
	return l.At(l.Len() - 1)
}

// PopFront takes the first element away, if there is one.
func (l *List[T]) PopFront() (T, bool) {
	if l.readAhead() {
		front := l.ahead[0]
		l.ahead, l.gone = l.ahead[1:], append(l.gone, front.key)
		return front.value, true
	}
	front, is := at(l.pushed, 0)
	if is {
		l.pushed = l.pushed[1:]
	}
	return front, is
}

// KeepLast takes elements away from the front until at most so many are left.
func (l *List[T]) KeepLast(count int) {
	for range l.Len() - max(count, 0) {
		l.PopFront()
	}
}

// Clear takes all elements away.
func (l *List[T]) Clear() {
	for l.readAhead() {
		for _, row := range l.ahead {
			l.gone = append(l.gone, row.key)
		}
		l.ahead = nil
	}
	l.pushed = nil
}

// Len is how many there are.
func (l *List[T]) Len() int {
	first, end := l.numbers()
	return int(end-first) + len(l.pushed)
}

// At is the element at a position, if there is one.
func (l *List[T]) At(position int) (T, bool) {
	if position < 0 {
		return *new(T), false
	}
	return at(l.Slice(position, position+1), 0)
}

// Slice is elements by position, from one to before another; positions that the list does not have are left out.
func (l *List[T]) Slice(from, to int) []T {
	first, end := l.numbers()
	count := int(end - first)
	var elements []T
	if from = max(from, 0); from < min(to, count) {
		low, high := first+int64(from), first+int64(min(to, count))
		l.parts(&low, &high, false, func(rows []entry[int64, T], _ covered[int64]) bool {
			for _, row := range rows {
				elements = append(elements, row.value)
			}
			return true
		})
	}
	start, stop := min(max(from-count, 0), len(l.pushed)), min(max(to-count, 0), len(l.pushed))
	return append(elements, l.pushed[start:max(start, stop)]...)
}

// All is the elements in order; it reads as far as it is taken.
func (l *List[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		if l.held(false, yield) {
			for _, element := range slices.Clone(l.pushed) {
				if !yield(element) {
					return
				}
			}
		}
	}
}

// Backward is the elements from the last on.
func (l *List[T]) Backward() iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, element := range slices.Backward(slices.Clone(l.pushed)) {
			if !yield(element) {
				return
			}
		}
		l.held(true, yield)
	}
}

// held goes through the elements that the engine still has; whether to go on.
func (l *List[T]) held(backward bool, yield func(T) bool) bool {
	more := true
	l.parts(l.start(), nil, backward, func(rows []entry[int64, T], _ covered[int64]) bool {
		for _, row := range rows {
			if more = yield(row.value); !more {
				break
			}
		}
		return more
	})
	return more
}

// start is where the elements that the engine still has begin; nil: nothing was taken away.
func (l *List[T]) start() *int64 {
	if len(l.gone) == 0 {
		return nil
	}
	start := l.gone[len(l.gone)-1] + 1
	return &start
}

// numbers are those of the elements that the engine still has.
func (l *List[T]) numbers() (first, end int64) {
	if !l.known {
		l.known = true
		front, _ := l.read(nil, nil, 1, false)
		back, _ := l.read(nil, nil, 1, true)
		if len(front) > 0 && len(back) > 0 {
			l.first, l.end = front[0].key, back[0].key+1
		}
	}
	if start := l.start(); start != nil {
		return min(*start, l.end), l.end
	}
	return l.first, l.end
}

// readAhead says whether the engine still has an element; it stands in ahead then.
func (l *List[T]) readAhead() bool {
	if len(l.ahead) > 0 || l.drained {
		return len(l.ahead) > 0
	}
	l.limit = max(l.limit, firstRows)
	rows, size := l.read(l.start(), nil, l.limit, false)
	l.ahead, l.drained = rows, len(rows) == 0
	l.limit = larger(l.limit, len(rows), size)
	return !l.drained
}

func (l *List[T]) leave() {
	for _, number := range l.gone {
		l.note(kindDelete, number, *new(T))
	}
	for _, element := range l.pushed {
		l.note(kindAppend, 0, element)
	}
	l.known, l.first, l.end, l.gone, l.ahead, l.drained, l.limit, l.pushed = false, 0, 0, nil, nil, false, 0, nil
}

func at[T any](values []T, position int) (T, bool) {
	if position >= len(values) {
		return *new(T), false
	}
	return values[position], true
}
