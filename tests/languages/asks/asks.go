// What an endpoint knows of words: asked by a path, or by a body; what it does not know is left out.
package main

import (
	"strconv"
	"strings"

	"pelton/guest"
)

type Options struct{ Least int64 }

type Asked struct {
	What guest.Null[string]
	N    int64
}

type Known struct {
	Status int32
	Answer guest.Null[string]
	Of     guest.Null[string]
}

func ask(row Asked, options *Options) *guest.Request {
	if !row.What.Valid || row.N < options.Least {
		return nil
	}
	if text, is := strings.CutPrefix(row.What.V, "count "); is {
		return guest.Post("words", "/count", text).Header("accept", "text/plain")
	}
	return guest.Get("words", "/words/"+guest.Encode(row.What.V)).Query("n", strconv.FormatInt(row.N, 10))
}

func answer(_ Asked, reply *guest.Reply, _ *Options) (Known, guest.Verdict) {
	switch {
	case reply == nil:
		return Known{}, guest.Keep
	case reply.Err != nil:
		return Known{}, guest.Reject("nobody answers")
	case reply.Status == 202:
		return Known{}, reply.Again("not ready yet")
	case reply.Status == 404:
		return Known{}, guest.Leave
	}
	text, err := reply.Text()
	if err != nil {
		return Known{}, guest.Reject(err.Error())
	}
	of, isOf := reply.Header("X-Of")
	return Known{int32(reply.Status), guest.Some(text), guest.Null[string]{V: of, Valid: isOf}}, guest.Keep
}

func init() { guest.Enrich(ask, answer) }

func main() {}
