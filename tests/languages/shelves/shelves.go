// A list and a map that grow for many rounds, changed and read by numbers that look like chance: what is read must be the same everywhere.
package main

import (
	"fmt"
	"slices"

	"pelton/guest"
)

type Begin struct{ Start int64 }

type Drawn struct {
	Round int64
	Drawn uint64
}

type Queued struct {
	N int32
	X guest.Null[float64]
}

type Place struct {
	Late bool
	ID   uint32 `column:"id"`
	Name string
}

type Book struct {
	N    int64
	Note guest.Null[string]
}

type Tables struct {
	Queue guest.List[Queued]
	Shelf guest.Map[Place, Book]
}

type Told struct {
	Sum           uint64
	Length, Books int64
}

var names = []string{"", "a", "a\x00", "ü"}

const (
	rounds = 12
	next   = 0
)

type round struct {
	*Tables
	drawn, sum uint64
}

func (r *round) pick(below uint64) uint64 {
	r.drawn = r.drawn*6364136223846793005 + 1442695040888963407
	return (r.drawn >> 33) % below
}

func (r *round) mix(value uint64) { r.sum = r.sum*31 + value }

func (r *round) mixBook(place Place, book Book) {
	late := uint64(0)
	if place.Late {
		late = 1000
	}
	r.mix(late + uint64(place.ID))
	r.mix(uint64(slices.Index(names, place.Name)))
	r.mix(uint64(book.N))
	if book.Note.Valid {
		r.mix(uint64(len(book.Note.V)))
	} else {
		r.mix(7)
	}
}

func (r *round) place() Place {
	late := r.pick(2) == 1
	id := uint32(r.pick(60))
	return Place{late, id, names[r.pick(4)]}
}

// grow changes what is gone through: each book comes once.
func (r *round) grow() {
	for place, book := range r.Shelf.All() {
		book.N++
		r.Shelf.Put(place, book)
	}
}

func (r *round) step() {
	switch what := r.pick(16); {
	case what < 5:
		place := r.place()
		book := Book{N: int64(r.pick(1000)) - 500}
		if number := r.pick(300); number >= 100 {
			book.Note = guest.Some(fmt.Sprintf("n%d", number))
		}
		r.Shelf.Put(place, book)
	case what == 5:
		r.Shelf.Delete(r.place())
	case what == 6:
		place := r.place()
		if book, is := r.Shelf.Get(place); is {
			r.mixBook(place, book)
		} else {
			r.mix(1)
		}
	case what < 9:
		for range r.pick(6) + 1 {
			queued := Queued{N: int32(r.pick(1000))}
			if queued.N%2 != 0 {
				queued.X = guest.Some(float64(queued.N) / 4)
			}
			r.Queue.Push(queued)
		}
	case what == 9:
		for range r.pick(4) {
			if queued, is := r.Queue.PopFront(); is {
				r.mix(uint64(queued.N))
			} else {
				r.mix(3)
			}
		}
	case what == 10:
		if queued, is := r.Queue.At(int(r.pick(60))); is {
			r.mix(uint64(queued.N))
		} else {
			r.mix(5)
		}
	case what == 11 || what == 12:
		from := r.place()
		to := r.place()
		through := r.Shelf.Range(from, to)
		all := through.All()
		if what == 12 {
			all = through.Backward()
		}
		left := r.pick(50)
		for place, book := range all {
			if left == 0 {
				break
			}
			left--
			r.mixBook(place, book)
		}
	case what == 13:
		from := int(r.pick(50))
		for _, queued := range r.Queue.Slice(from, from+int(r.pick(50))) {
			if queued.X.Valid {
				r.mix(uint64(queued.X.V*4) + 9)
			} else {
				r.mix(uint64(queued.N))
			}
		}
	case what == 14:
		left := r.pick(40)
		for queued := range r.Queue.Backward() {
			if left == 0 {
				break
			}
			left--
			r.mix(uint64(queued.N))
		}
	default:
		switch r.pick(20) {
		case 0:
			r.Shelf.Clear()
		case 1:
			r.Queue.KeepLast(10)
		case 2:
			r.Queue.Clear()
		case 3, 4:
			r.grow()
		default:
			r.mix(uint64(r.Queue.Len()))
		}
	}
}

func Shelves(call *guest.Call[guest.NoKey, Drawn, Begin, Told], tables *Tables, _ *guest.NoOptions) {
	for _, begin := range call.Rows {
		call.State = &Drawn{0, uint64(begin.Start)}
		call.Set(next, 0)
	}
	for range call.Due() {
		this := &round{Tables: tables, drawn: call.State.Drawn}
		for range 200 {
			this.step()
		}
		books := int64(0)
		for place, book := range tables.Shelf.All() {
			books++
			this.mixBook(place, book)
		}
		call.State = &Drawn{call.State.Round + 1, this.drawn}
		call.Emit(Told{this.sum, int64(tables.Queue.Len()), books})
		if call.State.Round < rounds {
			call.Set(next, 0)
		}
	}
}

func init() { guest.KeyedTables(Shelves) }

func main() {}
