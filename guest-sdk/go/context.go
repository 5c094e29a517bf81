package guest

import "math"

// A Context is what a function may know about the world besides its row.
type Context struct {
	epoch, firstRow, seed uint64
	now, watermark        int64
	at                    uint32
	drawn                 uint64
}

var current Context

// Current is the context of the row that the function looks at.
func Current() *Context { return &current }

// Epoch is the epoch that the row belongs to.
func (c *Context) Epoch() uint64 { return c.epoch }

// Now is the epoch's processing time: the only clock there is.
func (c *Context) Now() Timestamp { return Timestamp(c.now) }

// Watermark says that no older event time is expected; false until there is one.
func (c *Context) Watermark() (Timestamp, bool) {
	return Timestamp(c.watermark), c.watermark != math.MinInt64
}

// Row is the row's number: no other row of this operator's input has it, and a replay gives it again.
func (c *Context) Row() uint64 { return c.firstRow + uint64(c.at) }

// Random is a random number, 0 <= x < 1: another with each call, the same ones for the same row.
func (c *Context) Random() float64 { return float64(c.RandomUint64()>>11) / (1 << 53) }

// RandomUint64 is a random integer: another with each call, the same ones for the same row.
func (c *Context) RandomUint64() uint64 {
	const golden = 0x9e3779b97f4a7c15
	c.drawn++
	ofRow := mix(c.seed + mix(c.Row()+golden))
	return mix(ofRow + c.drawn*golden)
}

func (c *Context) enter(row uint32) { c.at, c.drawn = row, 0 }

// mix is the finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
func mix(bits uint64) uint64 {
	bits = (bits ^ bits>>30) * 0xbf58476d1ce4e5b9
	bits = (bits ^ bits>>27) * 0x94d049bb133111eb
	return bits ^ bits>>31
}
