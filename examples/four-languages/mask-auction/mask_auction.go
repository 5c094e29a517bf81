// A name for an auction that does not tell its number, the same for the same salt.
package main

import (
	"fmt"
	"hash/fnv"

	"pelton/guest"
)

type Options struct {
	Salt string
}

type Bid struct {
	Auction int64
}

type Masked struct {
	Auction string
}

func MaskAuction(bid Bid, options *Options) (Masked, guest.Verdict) {
	hash := fnv.New64a()
	fmt.Fprintf(hash, "%s/%d", options.Salt, bid.Auction)
	return Masked{fmt.Sprintf("a-%08x", uint32(hash.Sum64()))}, guest.Keep
}

func init() { guest.Transform(MaskAuction) }

func main() {}
