// Every type, nullable, in and out.
package main

import "pelton/guest"

type Kinds struct {
	Flag guest.Null[bool] `pelton:"flag"`
	I8 guest.Null[int8] `pelton:"i8"`
	I16 guest.Null[int16] `pelton:"i16"`
	I32 guest.Null[int32] `pelton:"i32"`
	I64 guest.Null[int64] `pelton:"i64"`
	N8 guest.Null[uint8] `pelton:"n8"`
	N16 guest.Null[uint16] `pelton:"n16"`
	N32 guest.Null[uint32] `pelton:"n32"`
	N64 guest.Null[uint64] `pelton:"n64"`
	Half guest.Null[float32] `pelton:"half"`
	Full guest.Null[float64] `pelton:"full"`
	Text guest.Null[string] `pelton:"text"`
	Day guest.Null[guest.Date] `pelton:"day"`
	At guest.Null[guest.Timestamp] `pelton:"at"`
}

func Echo(kinds Kinds, _ *guest.NoOptions) (Kinds, guest.Verdict) { return kinds, guest.Keep }

func init() { guest.Transform(Echo, guest.PassNone()) }

func main() {}
