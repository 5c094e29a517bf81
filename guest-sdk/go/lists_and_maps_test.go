package guest

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"strings"
	"testing"
)

type order struct {
	Command string
	X       int64
}

type item struct {
	X     int64
	Label string
	Note  Null[int64]
}

type shelfPlace struct {
	Row  int32
	Name string
}

type shelfTables struct {
	Queue  List[item]
	Places Map[shelfPlace, item]
}

type answered struct{ Answer string }

func itemOf(x int64) item {
	made := item{X: x, Label: fmt.Sprint(x) + strings.Repeat("~", int((x%9+9)%9))}
	if x%2 == 0 {
		made.Note = Some(x)
	}
	return made
}

func placeOf(x int64) shelfPlace { return shelfPlace{int32(x%5) - 2, fmt.Sprintf("n%d", x%7)} }

func many(x int64) []item {
	var items []item
	for n := range max(0, x*5) {
		items = append(items, itemOf(n))
	}
	return items
}

func upToSo[T any](count int, seq func(func(T) bool)) []T {
	var taken []T
	for one := range seq {
		if len(taken) == count {
			break
		}
		taken = append(taken, one)
	}
	return taken
}

type pair struct {
	key   shelfPlace
	value item
}

func pairs(count int, seq func(func(shelfPlace, item) bool)) []pair {
	return upToSo(count, func(yield func(pair) bool) {
		seq(func(key shelfPlace, value item) bool { return yield(pair{key, value}) })
	})
}

const all = 1 << 30

// shelfCommands are what is done to the tables, and what is done to the collections of Go.
var shelfCommands = map[string][2]func(x int64, tables *shelfTables, model *shelfModel) any{
	"push": {
		func(x int64, t *shelfTables, _ *shelfModel) any { t.Queue.Push(itemOf(x)); return nil },
		func(x int64, _ *shelfTables, m *shelfModel) any { m.queue = append(m.queue, itemOf(x)); return nil },
	},
	"fill": {
		func(x int64, t *shelfTables, _ *shelfModel) any { t.Queue.Push(many(x)...); return t.Queue.Len() },
		func(x int64, _ *shelfTables, m *shelfModel) any {
			m.queue = append(m.queue, many(x)...)
			return len(m.queue)
		},
	},
	"pop": {
		func(_ int64, t *shelfTables, _ *shelfModel) any {
			front, _ := t.Queue.Front()
			popped, is := t.Queue.PopFront()
			return []any{front, popped, is}
		},
		func(_ int64, _ *shelfTables, m *shelfModel) any {
			popped, is := at(m.queue, 0)
			m.queue = m.queue[min(1, len(m.queue)):]
			return []any{popped, popped, is}
		},
	},
	"keep": {
		func(x int64, t *shelfTables, _ *shelfModel) any { t.Queue.KeepLast(int(x)); return t.Queue.Len() },
		func(x int64, _ *shelfTables, m *shelfModel) any {
			m.queue = m.queue[max(0, len(m.queue)-int(max(0, x))):]
			return len(m.queue)
		},
	},
	"empty": {
		func(_ int64, t *shelfTables, _ *shelfModel) any { t.Queue.Clear(); return nil },
		func(_ int64, _ *shelfTables, m *shelfModel) any { m.queue = nil; return nil },
	},
	"read": {
		func(x int64, t *shelfTables, _ *shelfModel) any {
			back, _ := t.Queue.Back()
			some, _ := t.Queue.At(int(x))
			return []any{upToSo(all, t.Queue.All()), upToSo(int(max(0, x)), t.Queue.Backward()), back, some, t.Queue.Slice(int(x), int(x*3))}
		},
		func(x int64, _ *shelfTables, m *shelfModel) any {
			back, _ := at(m.queue, max(0, len(m.queue)-1))
			var some item
			if x >= 0 {
				some, _ = at(m.queue, int(x))
			}
			backward := func(yield func(item) bool) {
				for _, one := range slices.Backward(m.queue) {
					if !yield(one) {
						return
					}
				}
			}
			from, to := min(max(0, int(x)), len(m.queue)), min(max(0, int(x*3)), len(m.queue))
			slice := append([]item(nil), m.queue[from:max(from, to)]...)
			return []any{append([]item(nil), m.queue...), upToSo(int(max(0, x)), backward), back, some, slice}
		},
	},
	"put": {
		func(x int64, t *shelfTables, _ *shelfModel) any { t.Places.Put(placeOf(x), itemOf(x)); return nil },
		func(x int64, _ *shelfTables, m *shelfModel) any { m.places[placeOf(x)] = itemOf(x); return nil },
	},
	"stock": {
		func(x int64, t *shelfTables, _ *shelfModel) any {
			for n, one := range many(x) {
				t.Places.Put(shelfPlace{int32(n * 7 % 311), ""}, one)
			}
			return nil
		},
		func(x int64, _ *shelfTables, m *shelfModel) any {
			for n, one := range many(x) {
				m.places[shelfPlace{int32(n * 7 % 311), ""}] = one
			}
			return nil
		},
	},
	"delete": {
		func(x int64, t *shelfTables, _ *shelfModel) any { t.Places.Delete(placeOf(x)); return nil },
		func(x int64, _ *shelfTables, m *shelfModel) any { delete(m.places, placeOf(x)); return nil },
	},
	"get": {
		func(x int64, t *shelfTables, _ *shelfModel) any {
			value, is := t.Places.Get(placeOf(x))
			return []any{value, is, t.Places.IsEmpty()}
		},
		func(x int64, _ *shelfTables, m *shelfModel) any {
			value, is := m.places[placeOf(x)]
			return []any{value, is, len(m.places) == 0}
		},
	},
	"range": {
		func(x int64, t *shelfTables, _ *shelfModel) any {
			low, high := shelfPlace{int32(x), ""}, shelfPlace{int32(x + 40), ""}
			return [][]pair{
				pairs(all, t.Places.All()), pairs(int(max(0, x)), t.Places.Backward()), pairs(all, t.Places.Range(low, high).All()),
				pairs(all, t.Places.From(placeOf(x)).Backward()), pairs(all, t.Places.Until(high).All()),
			}
		},
		func(x int64, _ *shelfTables, m *shelfModel) any {
			low, high, place := shelfPlace{int32(x), ""}, shelfPlace{int32(x + 40), ""}, placeOf(x)
			end := m.sorted(nil, nil)
			slices.Reverse(end)
			from := m.sorted(&place, nil)
			slices.Reverse(from)
			end = end[:min(len(end), int(max(0, x)))]
			return [][]pair{m.sorted(nil, nil), end, m.sorted(&low, &high), from, m.sorted(nil, &high)}
		},
	},
	"clear": {
		func(_ int64, t *shelfTables, _ *shelfModel) any { t.Places.Clear(); return nil },
		func(_ int64, _ *shelfTables, m *shelfModel) any { clear(m.places); return nil },
	},
}

type shelfModel struct {
	queue  []item
	places map[shelfPlace]item
}

func comparePlaces(a, b shelfPlace) int {
	return cmp.Or(cmp.Compare(a.Row, b.Row), cmp.Compare(a.Name, b.Name))
}

func (m *shelfModel) sorted(from, to *shelfPlace) []pair {
	var sorted []pair
	for _, key := range slices.SortedFunc(maps.Keys(m.places), comparePlaces) {
		if (from == nil || comparePlaces(key, *from) >= 0) && (to == nil || comparePlaces(key, *to) < 0) {
			sorted = append(sorted, pair{key, m.places[key]})
		}
	}
	return sorted
}

type shelfCount struct{ Count int64 }

func TestWhatAFunctionSeesIsWhatItHasMade(t *testing.T) {
	shelves := KeyedTables(func(call *Call[NoKey, shelfCount, order, answered], tables *shelfTables, _ *NoOptions) {
		for _, order := range call.Rows {
			call.State = &shelfCount{int64(len(call.Rows))}
			call.Emit(answered{fmt.Sprint(shelfCommands[order.Command][0](order.X, tables, nil))})
		}
	})
	names := slices.Sorted(maps.Keys(shelfCommands))
	names = append(names, "push", "fill", "fill", "stock", "stock", "put", "put", "read", "range")
	for seed := range int64(40) {
		draw := rand.New(rand.NewSource(seed))
		epochs := Start(shelves, KeySetting{Key: []string{"key"}})
		models := []*shelfModel{{places: map[shelfPlace]item{}}, {places: map[shelfPlace]item{}}}
		for range 4 {
			var keys, xs []int64
			var commands []string
			for range 1 + draw.Intn(50) {
				keys, commands = append(keys, int64(draw.Intn(2))), append(commands, names[draw.Intn(len(names))])
				xs = append(xs, int64(draw.Intn(70)-20))
			}
			out := did(t)(epochs.Rows(Columns{"key": keys, "command": commands, "x": xs}))
			for key := range int64(2) {
				var made, expected []string
				for row, of := range out.Main["key"] {
					if of == key {
						made = append(made, out.Main["answer"][row].(string))
					}
				}
				for row, of := range keys {
					if of == key {
						expected = append(expected, fmt.Sprint(shelfCommands[commands[row]][1](xs[row], nil, models[key])))
					}
				}
				if !slices.Equal(made, expected) {
					t.Fatalf("seed %d, key %d: %v %v\nmade     %v\nexpected %v", seed, key, commands, xs, made, expected)
				}
			}
		}
		if got, want := len(epochs.Table("queue")["x"]), len(models[0].queue)+len(models[1].queue); got != want {
			t.Fatalf("%d elements are kept, not %d", got, want)
		}
		did(t)(epochs.Expire())
		if len(epochs.Table("queue")["x"])+len(epochs.Table("places")["x"]) > 0 {
			t.Fatal("something is left of keys that expired")
		}
	}
}

type play struct {
	Song string
	At   Timestamp
}

type playTables struct {
	Songs  Map[string, int64]
	Recent List[Timestamp]
	Raw    Map[[]byte, Null[uint8]] `pelton:"raw-bytes"`
}

func TestAFunctionMayKeepListsAndMapsOfSingleValuesAndNoState(t *testing.T) {
	plays := KeyedTables(func(call *Call[user, NoState, play, answered], tables *playTables, _ *NoOptions) {
		for _, play := range call.Rows {
			times, _ := tables.Songs.Get(play.Song)
			tables.Songs.Put(play.Song, times+1)
			tables.Recent.Push(play.At)
			tables.Recent.KeepLast(2)
			tables.Raw.Put([]byte{255, play.Song[0]}, Null[uint8]{})
		}
	})
	epochs := Start(plays, KeySetting{Key: []string{"user"}})
	did(t)(epochs.Rows(Columns{"user": []string{"a", "a", "a"}, "song": []string{"x", "y", "x"}, "at": []Timestamp{1, 2, 3}}))
	did(t)(epochs.Rows(Columns{"user": []string{"a", "b"}, "song": []string{"x", "x"}, "at": []Timestamp{4, 5}}))
	same(t, epochs.Table("songs"), map[string][]any{
		"user": {"a", "a", "b"}, "key": {"x", "y", "x"}, "value": {int64(3), int64(1), int64(1)},
	})
	same(t, epochs.Table("recent"), map[string][]any{
		"user": {"a", "a", "b"}, "position": {int64(1), int64(2), int64(0)}, "value": {Timestamp(3), Timestamp(4), Timestamp(5)},
	})
	same(t, epochs.Table("raw-bytes")["value"], []any{nil, nil, nil})
}

func TestWhatCanBeNoTableSaysSo(t *testing.T) {
	says := func(words string, declare func()) {
		defer func() {
			if why := fmt.Sprint(recover()); !strings.Contains(why, words) {
				t.Errorf("%q does not say %q", why, words)
			}
		}()
		declare()
	}
	says("no floats and no Null", func() { tablesOf(&struct{ Of Map[float64, int64] }{}) })
	says("is no guest.List", func() { tablesOf(&struct{ Of int64 }{}) })
	says("`x` in its subkey and in its values", func() {
		tablesOf(&struct {
			Of Map[struct{ X int64 }, struct{ X int64 }]
		}{})[0].describe()
	})
}
