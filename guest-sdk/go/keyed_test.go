package guest

import (
	"fmt"
	"testing"
)

type user struct{ User string }
type click struct{ At Timestamp }
type visit struct {
	Clicks int64
	Since  Null[Timestamp]
	Note   []byte
}
type ended struct{ Clicks int64 }
type gap struct {
	Gap int64 `default:"60"`
}

const second = 1_000_000

func visits(call *Call[user, visit, click, ended], options *gap) {
	for _, click := range call.Rows {
		if call.State == nil {
			call.State = &visit{Since: Some(click.At), Note: []byte("-")}
		}
		call.State.Clicks++
		call.State.Note[0] = '+'
		call.Set(0, click.At+Timestamp(options.Gap*second))
	}
	for range call.Due() {
		if call.State != nil {
			call.Emit(ended{call.State.Clicks})
			call.State = nil
		}
	}
}

func did(t *testing.T) func(out Out, err error) Out {
	return func(out Out, err error) Out {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

func TestStateAndTimersAreKeptBetweenEpochs(t *testing.T) {
	epochs := Start(Keyed(visits), KeySetting{Key: []string{"user"}})
	out := did(t)(epochs.Rows(Columns{"user": []string{"a", "b", "a"}, "at": []Timestamp{0, second, 2 * second}}))
	same(t, out.Main, map[string][]any{"user": {}, "clicks": {}})
	same(t, epochs.State(), map[string][]any{
		"user": {"a", "b"}, "clicks": {int64(2), int64(1)}, "since": {Timestamp(0), Timestamp(second)}, "note": {[]byte("+"), []byte("+")},
	})
	same(t, epochs.Timers(), []Timer{{0, 61 * second, false}, {0, 62 * second, false}})
	same(t, did(t)(epochs.Watermark(61*second)).Main, map[string][]any{"user": {"b"}, "clicks": {int64(1)}})
	same(t, epochs.State()["user"], []any{"a"})
}

func TestRowsComeBeforeTimers(t *testing.T) {
	epochs := Start(Keyed(visits), KeySetting{Key: []string{"user"}, Options: map[string]any{"gap": 1}})
	did(t)(epochs.Rows(Columns{"user": []string{"a"}, "at": []Timestamp{0}}))
	out := did(t)(epochs.RowsUntil(Columns{"user": []string{"a"}, "at": []Timestamp{2 * second}}, 2*second))
	same(t, len(out.Main["clicks"]), 0)
	same(t, did(t)(epochs.Watermark(3*second)).Main, map[string][]any{"user": {"a"}, "clicks": {int64(2)}})
}

type reading struct{ Celsius float64 }
type last struct{ Last float64 }
type changed struct{ By float64 }

func changes(call *Call[NoKey, last, reading, changed], _ *NoOptions) {
	for i, row := range call.Rows {
		if row.Celsius < -273 {
			call.Reject(i, fmt.Sprintf("%g is too cold", row.Celsius))
			continue
		}
		if call.State != nil {
			call.EmitFrom(i, changed{row.Celsius - call.State.Last})
		}
		call.State = &last{row.Celsius}
	}
}

func TestARowThatCameFromARowHasItsColumnsAndNullsAreRejected(t *testing.T) {
	epochs := Start(Keyed(changes, PassAll()), KeySetting{Key: []string{"room"}})
	rows := Columns{"room": []string{"a", "b", "a", "b"}, "celsius": []any{20.0, -300.0, 21.5, nil}}
	out := did(t)(epochs.Rows(rows))
	same(t, out.Main, map[string][]any{"room": {"a"}, "celsius": {21.5}, "by": {1.5}})
	same(t, out.Origin, []int{2})
	same(t, out.Rejected, map[int]string{1: "-300 is too cold", 3: "`celsius` is null"})
	same(t, epochs.State(), map[string][]any{"room": {"a"}, "last": {21.5}})
}

type count struct{ Count int64 }

func counts(call *Call[NoKey, count, reading, count], _ *NoOptions) {
	if call.State == nil {
		call.State = &count{}
	}
	call.State.Count += int64(len(call.Rows))
	if len(call.Rows) > 0 {
		call.SetProcessing(7, Current().Now()+5)
	}
	for timer := range call.Due() {
		if timer.ID == 7 && timer.Processing {
			call.Emit(count{-1})
		}
	}
	if call.Expiring {
		call.Emit(*call.State)
	}
}

func TestProcessingTimeAndTheEndOfLife(t *testing.T) {
	epochs := Start(Keyed(counts), KeySetting{Key: []string{"room"}})
	did(t)(epochs.Rows(Columns{"room": []string{"a", "a"}, "celsius": []float64{1, 2}}))
	same(t, did(t)(epochs.Now(4)).Main["count"], []any{})
	same(t, did(t)(epochs.Now(5)).Main["count"], []any{int64(-1)})
	same(t, did(t)(epochs.Expire()).Main["count"], []any{int64(2)})
	same(t, epochs.State()["room"], []any{})
}

func TestAKeyThatDoesNotFitIsRefusedInWords(t *testing.T) {
	rows := Columns{"user": []string{"a"}, "at": []Timestamp{0}}
	for message, key := range map[string][]string{
		"this module keeps state for each key, but the operator has no `key`":                       nil,
		"`user.User` reads `user` of the key, but it is not in the operator's `key`: there is `at`": {"at"},
	} {
		if _, err := Start(Keyed(visits), KeySetting{Key: key}).Rows(rows); err == nil || err.Error() != message {
			t.Errorf("got %v, want %s", err, message)
		}
	}
}
