package guest

import (
	"fmt"
	"math"
	"slices"
)

// JoinSetting is what a test of a cogroup says besides the rows.
type JoinSetting struct {
	Options any // as encoding/json takes it
	// Key has the columns of the key, and RightKey what they are called on the right, if it differs.
	Key, RightKey []string
	Now           int64
	Seed          uint64
}

// Join runs the rows of two inputs through a cogroup, without an engine and without WebAssembly: key after key in the order in which
// these come first. Rows are numbered over both sides, left ones first; an origin is a key.
func Join(of *operator, left, right Columns, setting JoinSetting) (Out, error) {
	if setting.RightKey == nil {
		setting.RightKey = setting.Key
	}
	names := [2][]string{setting.Key, setting.RightKey}
	var sides [2]given
	for side, columns := range []Columns{left, right} {
		read, err := givenOf(columns)
		if err != nil {
			return Out{}, err
		}
		sides[side] = read
	}
	agreed, err := of.open([]input{sides[0].input(setting.Key), sides[1].input(setting.RightKey)}, optionsOf(setting.Options))
	if err != nil {
		return Out{}, err
	}
	keys := given{names: setting.Key, columns: map[string]testColumn{}}
	var called []string
	var values [][]any
	var places [2][]int
	for side := range sides {
		for row := range sides[side].count {
			value := sides[side].values(names[side], row)
			name := fmt.Sprintf("%T%v", value, value)
			at := slices.Index(called, name)
			if at < 0 {
				at = len(called)
				called, values = append(called, name), append(values, value)
			}
			places[side] = append(places[side], at)
		}
	}
	keys.count = len(called)
	for at, name := range setting.Key {
		column := testColumn{format: sides[0].columns[name].format}
		for _, value := range values {
			column.values = append(column.values, value[at])
		}
		keys.columns[name] = column
	}
	var orders [2][]int
	var ends [2][]uint32
	for side := range sides {
		orders[side] = upTo(0, sides[side].count)
		slices.SortStableFunc(orders[side], func(a, b int) int { return places[side][a] - places[side][b] })
		end := uint32(0)
		for at := range called {
			for _, place := range places[side] {
				if place == at {
					end++
				}
			}
			ends[side] = append(ends[side], end)
		}
	}
	recorder := &recorded{}
	host = recorder
	defer func() { host = silent{} }()
	current = Context{epoch: 1, now: setting.Now, watermark: math.MinInt64, seed: setting.Seed}
	made := of.byPair.process(pairCall{
		left: sides[0].table(agreed.reads, orders[0]), leftEnds: ends[0],
		right: sides[1].table(agreed.rightReads, orders[1]), rightEnds: ends[1],
		keys: keys.table(setting.Key, upTo(0, keys.count)),
	})
	out := assembled(agreed, made, keys.columns, 0)
	rejected := map[int]string{}
	for row, reason := range out.Rejected {
		if row < sides[0].count {
			rejected[orders[0][row]] = reason
		} else {
			rejected[sides[0].count+orders[1][row-sides[0].count]] = reason
		}
	}
	out.Rejected, out.Logs = rejected, recorder.lines
	return out, nil
}
