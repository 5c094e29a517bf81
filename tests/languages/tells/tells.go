// The words that an endpoint makes of a line, one row for each; lines that it does not know, and empty ones, leave by outputs of their own; a `!` among the
// words refuses the line as a whole.
package main

import (
	"fmt"
	"strings"

	"pelton/guest"
)

type Options struct {
	Separator string `default:","`
}

type Line struct{ Line string }
type Word struct {
	Word  string
	Place int32
}
type Status struct{ Status int32 }

type Told struct {
	Words   guest.Port[Word]
	Unknown guest.Port[Status]
	Blanks  guest.Port[struct{}]
}

func ask(line Line, _ *Options) *guest.Request {
	if line.Line == "" {
		return nil
	}
	return guest.Post("words", "/split", line.Line).Query("as", "text/plain").Query("all", "").Header("x-of", "tells")
}

func answer(line Line, reply *guest.Reply, out *Told, options *Options) guest.Verdict {
	switch {
	case reply == nil:
		out.Blanks.Emit(struct{}{})
		out.Blanks.Emit(struct{}{})
		return guest.Keep
	case reply.Status == 404:
		out.Unknown.Emit(Status{404})
		return guest.Keep
	}
	text, err := reply.Text()
	if err != nil {
		return guest.Reject(err.Error())
	}
	for place, word := range strings.Split(text, options.Separator) {
		switch word {
		case "!":
			return guest.Reject(fmt.Sprintf("`%s` is a shout", line.Line))
		case "?":
			out.Unknown.Emit(Status{int32(reply.Status)})
		default:
			out.Words.Emit(Word{word, int32(place)})
		}
	}
	return guest.Keep
}

func init() {
	unknown := guest.On("unknown", guest.Pass("id"), guest.Rename("id", "row"))
	guest.EnrichSplit(ask, answer, guest.Drop("line"), unknown, guest.On("blanks", guest.PassAll()))
}

func main() {}
