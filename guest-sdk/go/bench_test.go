package guest

import "testing"

// What a row costs here, without the boundary: the reference operator, 8,192 rows a call.
func BenchmarkRow(b *testing.B) {
	bench(b, Transform(func(bid bid, _ *NoOptions) (priced, Verdict) {
		return priced{bid.Price * 0.908}, KeepIf(bid.Price > 100)
	}))
}

func BenchmarkColumns(b *testing.B) {
	bench(b, TransformColumns(func(bids bids, rows int, _ *NoOptions) (pricedBids, []uint32) {
		return toEuroWhole(bids, rows, &options{0.908, 100})
	}))
}

func bench(b *testing.B, of *operator) {
	const rows = 8192
	prices := testColumn{format: "g"}
	for i := range rows {
		prices.values = append(prices.values, float64(i*7919%200))
	}
	given := []node{prices.node(upTo(0, rows))}
	if _, err := of.open([]input{{"input", []wireField{{"price", "g", false, 0}}, nil, "append"}}, nil); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		of.process(rows, given)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
}
