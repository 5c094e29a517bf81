// What the context tells of a row.
package main

import "pelton/guest"

type Read struct {
	ID int64 `pelton:"id"`
}

type Made struct {
	Row    uint64
	First  float64
	Second float64
}

func Lucky(read Read, _ *guest.NoOptions) (Made, guest.Verdict) {
	ctx := guest.Current()
	made := Made{ctx.Row(), ctx.Random(), ctx.Random()}
	return made, guest.KeepIf(read.ID != 3)
}

func init() { guest.Transform(Lucky) }

func main() {}
