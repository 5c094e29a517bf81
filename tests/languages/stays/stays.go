// Stays of users: rows made from rows by one output, rows made by timers by another, and a third that nothing is computed for.
package main

import "pelton/guest"

type User struct{ User string }
type Click struct {
	At   guest.Timestamp
	Page string
}
type Stay struct{ Clicks int64 }
type Begun struct{ Page string }

type Events struct {
	Ended guest.Port[Stay]
	Begun guest.Port[Begun]
	Again guest.Port[struct{}]
}

const end = 1

func Stays(call *guest.Call[User, Stay, Click, Events], _ *guest.NoOptions) {
	for row, click := range call.Rows {
		if click.Page == "bad" {
			call.Reject(row, call.Key.User+" was on a bad page")
			continue
		}
		if call.State == nil {
			call.State = &Stay{}
			call.Ports().Begun.EmitFrom(row, Begun{click.Page})
		} else {
			call.Ports().Again.EmitFrom(row, struct{}{})
		}
		call.State.Clicks++
		call.Set(end, click.At+60_000_000)
	}
	for range call.Due() {
		if call.State != nil {
			call.Ports().Ended.Emit(*call.State)
			call.State = nil
		}
	}
}

func init() {
	begun := guest.On("begun", guest.Pass("user"), guest.Pass("at"), guest.Rename("at", "since"))
	guest.Keyed(Stays, begun, guest.On("again", guest.PassAll()))
}

func main() {}
