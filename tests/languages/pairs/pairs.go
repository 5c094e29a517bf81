// Each row of a key on the left with each on the right: sides without rows, nulls, and rows of both sides that are refused.
package main

import "pelton/guest"

type Options struct {
	Most int64 `default:"100"`
}

type User struct{ User string }

type Number struct{ N guest.Null[int64] }

type Word struct {
	Word string
	X    guest.Null[float64]
}

type Told struct {
	N    int64
	Word string
	X    guest.Null[float64]
}

func Pairs(pair *guest.Pair[User, Number, Word, Told], options *Options) {
	for row, word := range pair.Right {
		if word.Word == "bad" {
			pair.RejectRight(row, pair.Key.User+" is bad")
		}
	}
	var sum, made int64
	for row, number := range pair.Left {
		if !number.N.Valid {
			pair.RejectLeft(row, pair.Key.User+" has no number")
			continue
		}
		sum += number.N.V
		for _, word := range pair.Right {
			if word.Word != "bad" && made < options.Most {
				pair.Emit(Told{number.N.V, word.Word, word.X})
				made++
			}
		}
	}
	switch {
	case len(pair.Right) == 0:
		pair.Emit(Told{N: sum, Word: "left alone"})
	case len(pair.Left) == 0:
		pair.Emit(Told{N: sum, Word: "right alone"})
	}
}

func init() { guest.Cogroup(Pairs) }

func main() {}
