package guest

import "testing"

// What a row costs here, without the boundary: the reference operator, 8,192 rows a call.
func BenchmarkRow(b *testing.B) {
	const rows = 8192
	of := Transform(func(bid bid, _ *NoOptions) (priced, Verdict) {
		return priced{bid.Price * 0.908}, KeepIf(bid.Price > 100)
	})
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
