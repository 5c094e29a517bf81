// Visits of users: rows made from rows and by timers, rows refused, timers moved and cleared, state with text and nulls.
package main

import "pelton/guest"

type Options struct {
	Gap int64 `default:"30"`
}

type User struct{ User string }

type Click struct {
	At   guest.Timestamp
	Page guest.Null[string]
}

type Visit struct {
	Clicks int64
	Last   guest.Null[string]
}

type Event struct {
	Event  string
	Clicks int64
	Page   guest.Null[string]
}

const end = 7

func Visits(call *guest.Call[User, Visit, Click, Event], options *Options) {
	for i, click := range call.Rows {
		if click.Page.Valid && click.Page.V == "bad" {
			call.Reject(i, call.Key.User+" was on a bad page")
			continue
		}
		if call.State == nil {
			call.EmitFrom(i, Event{"begin", 1, click.Page})
			call.State = &Visit{}
		}
		call.State.Clicks++
		call.State.Last = click.Page
		call.Set(end, click.At+guest.Timestamp(options.Gap*1_000_000))
		if click.Page.Valid && click.Page.V == "exit" {
			call.EmitFrom(i, Event{"exit", call.State.Clicks, guest.Null[string]{}})
			call.State = nil
			call.Clear(end)
		}
	}
	for range call.Due() {
		if call.State != nil {
			call.Emit(Event{"end", call.State.Clicks, call.State.Last})
			call.State = nil
		}
	}
}

func init() { guest.Keyed(Visits) }

func main() {}
