// Lists and maps of state: read and changed in the call of the rows, and again, from the engine, in the calls of timers.
package main

import (
	"fmt"
	"iter"
	"strings"

	"pelton/guest"
)

type User struct{ User string }

type Play struct {
	Song string
	At   guest.Timestamp
}

type Round struct{ Round int64 }

type Played struct {
	Song string
	At   guest.Null[guest.Timestamp]
}

type Place struct {
	Times int32
	Song  string
}

type Tables struct {
	Recent guest.List[Played]
	Songs  guest.Map[string, int64]
	Places guest.Map[Place, float64]
}

type Told struct {
	What, Text string
	N          int64
}

const tellTimer = 0

type Call = guest.Call[User, Round, Play, Told]

func Plays(call *Call, tables *Tables, _ *guest.NoOptions) {
	recent, songs, places := &tables.Recent, &tables.Songs, &tables.Places
	for row, play := range call.Rows {
		times, _ := songs.Get(play.Song)
		times++
		songs.Put(play.Song, times)
		played := Played{Song: play.Song}
		if times > 1 {
			played.At = guest.Some(play.At)
		}
		recent.Push(played)
		places.Put(Place{int32(times), play.Song}, float64(times)/2)
		if times > 1 {
			places.Delete(Place{int32(times) - 1, play.Song})
		}
		call.EmitFrom(row, Told{"play", play.Song, times})
		call.Set(tellTimer, play.At)
	}
	for range call.Due() {
		number := int64(1)
		if call.State != nil {
			number = call.State.Round + 1
		}
		call.State = &Round{number}
		tell(call, tables)
		var popped []string
		for range 2 {
			if played, is := recent.PopFront(); is {
				popped = append(popped, played.Song)
			}
		}
		call.Emit(Told{"popped", strings.Join(popped, ","), number})
		recent.KeepLast(20)
		recent.Push(Played{Song: "last"})
		songs.Delete("s01")
		songs.Put("zz", number)
		places.Put(Place{-1, "ü"}, 0.25)
		tell(call, tables)
		if number == 2 {
			places.Clear()
		}
		if number < 3 {
			call.Set(tellTimer, 0)
		}
	}
}

func tell(call *Call, tables *Tables) {
	say := func(what string, words []string, n int64) { call.Emit(Told{what, strings.Join(words, ","), n}) }
	names := func(count int, of iter.Seq[Played]) (names []string, dated int64) {
		for played := range of {
			if len(names) == count {
				break
			}
			names = append(names, played.Song)
			if played.At.Valid {
				dated++
			}
		}
		return names, dated
	}
	all, dated := names(-1, tables.Recent.All())
	say("recent", all, int64(tables.Recent.Len()))
	last, _ := names(3, tables.Recent.Backward())
	say("last", last, dated)
	var some []string
	for _, played := range tables.Recent.Slice(5, 8) {
		some = append(some, played.Song)
	}
	isThere := int64(0)
	if _, is := tables.Recent.At(30); is {
		isThere = 1
	}
	say("some", some, isThere)
	var songs, below, twice []string
	sum, quarters := int64(0), int64(0)
	for song, times := range tables.Songs.All() {
		songs = append(songs, fmt.Sprintf("%s=%d", song, times))
		sum += times
	}
	say("songs", songs, sum)
	for song := range tables.Songs.Until("s12").Backward() {
		below = append(below, song)
		if len(below) == 3 {
			break
		}
	}
	once, is := tables.Songs.Get("s01")
	if !is {
		once = -1
	}
	say("below", below, once)
	for place := range tables.Places.Range(Place{2, ""}, Place{3, ""}).All() {
		twice = append(twice, place.Song)
	}
	for _, half := range tables.Places.All() {
		quarters += int64(half * 4)
	}
	say("twice", twice, quarters)
}

func init() { guest.KeyedTables(Plays) }

func main() {}
