// The words of a line, its numbers and empty lines, each by an output of its own; a line with `!` is refused as a whole.
package main

import (
	"fmt"
	"strconv"
	"strings"

	"pelton/guest"
)

type Line struct{ Line string }
type Number struct{ N int64 }
type Word struct {
	Word  string
	Place int32
}

type Tokens struct {
	Numbers guest.Port[Number]
	Words   guest.Port[Word]
	Blanks  guest.Port[struct{}]
}

func Route(line Line, out *Tokens, _ *guest.NoOptions) guest.Verdict {
	if line.Line == "" {
		out.Blanks.Emit(struct{}{})
	}
	place := int32(0)
	for token := range strings.SplitSeq(line.Line, " ") {
		n, err := strconv.ParseInt(token, 10, 64)
		switch {
		case token == "":
			continue
		case token == "!":
			return guest.Reject(fmt.Sprintf("`%s` is a shout", line.Line))
		case err == nil:
			out.Numbers.Emit(Number{n})
		default:
			out.Words.Emit(Word{token, place})
		}
		place++
	}
	return guest.Keep
}

func init() {
	words := guest.On("words", guest.Pass("id"), guest.Rename("id", "row"))
	guest.Split(Route, guest.Drop("line"), words, guest.On("blanks", guest.PassAll()))
}

func main() {}
