// Prints, and then fails: the log has the line, and the trap the place.
package main

import (
	"fmt"

	"pelton/guest"
)

type Row struct{ N int64 }
type Count struct{ Count int64 }

func Fails(call *guest.Call[guest.NoKey, Count, Row, struct{}], _ *guest.NoOptions) {
	fmt.Println("said before")
	for _, row := range call.Rows {
		call.State = &Count{row.N / (row.N - 2)} // HERE
	}
}

func init() { guest.Keyed(Fails) }

func main() {}
