// The bids of each bidder, as long as they are less than a gap of some seconds apart.
package main

import (
	"fmt"

	"pelton/guest"
)

type Options struct {
	Gap int64
}

type Bid struct {
	Price float64
	At    guest.Timestamp
}

type Ended struct {
	Bids  int64
	Spent float64
}

// Session is what is kept for each bidder.
type Session struct {
	Bids  int64
	Spent float64
	Ends  guest.Timestamp
}

// end is the number of the timer: a bidder has one.
const end = 0

func {{pascal}}(call *guest.Call[guest.NoKey, Session, Bid, Ended], options *Options) {
	finish := func() {
		if call.State != nil {
			call.Emit(Ended{call.State.Bids, call.State.Spent})
			call.State = nil
		}
	}
	for i, bid := range call.Rows {
		if bid.Price < 0 {
			call.Reject(i, fmt.Sprintf("%g is no price", bid.Price))
			continue
		}
		// The gap may be over, though the timer has not told yet.
		if call.State != nil && bid.At >= call.State.Ends {
			finish()
		}
		if call.State == nil {
			call.State = &Session{}
		}
		call.State.Bids++
		call.State.Spent += bid.Price
		call.State.Ends = bid.At + guest.Timestamp(options.Gap*1_000_000)
		call.Set(end, call.State.Ends)
	}
	for range call.Due() {
		finish()
	}
}

func init() { guest.Keyed({{pascal}}) }

func main() {}
