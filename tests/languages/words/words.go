// Words of a line with their places; drops the line.
package main

import (
	"strings"

	"pelton/guest"
)

type Line struct{ Line string }

type Word struct {
	Word  string
	Place int32
}

func Words(line Line, _ *guest.NoOptions, emit func(Word)) guest.Verdict {
	place := int32(0)
	for word := range strings.SplitSeq(line.Line, " ") {
		if word != "" {
			emit(Word{word, place})
			place++
		}
	}
	if strings.HasSuffix(line.Line, "?") {
		return guest.Reject("`" + line.Line + "` is a question")
	}
	return guest.Keep
}

func init() { guest.FlatMap(Words, guest.Drop("line")) }

func main() {}
