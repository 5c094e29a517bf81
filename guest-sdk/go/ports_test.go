package guest

import (
	"strconv"
	"strings"
	"testing"
)

type textLine struct{ Line string }
type amount struct{ N int64 }
type wordRow struct{ Word string }
type tokens struct {
	Numbers Port[amount]
	Words   Port[wordRow]
	Empty   Port[struct{}] `pelton:"blanks"`
}

func split(line textLine, out *tokens, _ *NoOptions) Verdict {
	if line.Line == "" {
		out.Empty.Emit(struct{}{})
	}
	for _, token := range strings.Fields(line.Line) {
		n, err := strconv.ParseInt(token, 10, 64)
		switch {
		case token == "!":
			return Reject("a shout")
		case err == nil:
			out.Numbers.Emit(amount{n})
		default:
			out.Words.Emit(wordRow{token})
		}
	}
	return Keep
}

func splitter() *operator {
	return Split(split, Drop("line"), On("words", Pass("id"), Rename("id", "row")), On("blanks", PassAll()))
}

func TestRowsLeaveByTheirOutputs(t *testing.T) {
	out := run(t, splitter(), Columns{"id": []int64{1, 2, 3, 4}, "line": []string{"7 a b", "", "c 8 !", "10"}}, nil)
	same(t, out.Main, map[string][]any{"id": {int64(1), int64(4)}, "n": {int64(7), int64(10)}})
	same(t, out.Ports["words"], map[string][]any{"row": {int64(1), int64(1)}, "word": {"a", "b"}})
	same(t, out.Ports["blanks"], map[string][]any{"id": {int64(2)}, "line": {""}})
	same(t, out.Origins, map[string][]int{"numbers": {0, 3}, "words": {0, 0}, "blanks": {1}})
	same(t, out.Rejected, map[int]string{2: "a shout"})
}

func TestAnOutputWithoutRowsHasItsColumns(t *testing.T) {
	out := run(t, splitter(), Columns{"id": []int64{1}, "line": []string{"7"}}, nil)
	same(t, out.Ports["words"], map[string][]any{"row": {}, "word": {}})
}

func TestNamesOfOutputsAreThoseOfFields(t *testing.T) {
	type outs struct {
		Found    Port[amount]
		NotFound Port[wordRow]
	}
	nothing := func(textLine, *outs, *NoOptions) Verdict { return Leave }
	out := run(t, Split(nothing, On("not-found", EventTime("line"))), Columns{"line": []string{"x"}}, nil)
	same(t, out.Ports["not-found"], map[string][]any{"line": {}, "word": {}})
	_, err := Run(Split(nothing, On("found", EventTime("at"))), Columns{"line": []string{"x"}}, Setting{})
	if err == nil || !strings.Contains(err.Error(), "output `found` has no column `at` to be its event time") {
		t.Error(err)
	}
	panics(t, "a rule is for the output `found2`: did you mean `found`?", func() { Split(nothing, On("found2", PassAll())) })
	type mixed struct {
		Found Port[amount]
		Other int64
	}
	panics(t, "Other is no guest.Port", func() { Split(func(textLine, *mixed, *NoOptions) Verdict { return Leave }) })
	panics(t, "each a guest.Port", func() { Split(func(textLine, *amount, *NoOptions) Verdict { return Leave }) })
}

func panics(t *testing.T, want string, call func()) {
	t.Helper()
	defer func() {
		why, _ := recover().(string)
		if !strings.Contains(why, want) {
			t.Errorf("got %q, want %q", why, want)
		}
	}()
	call()
}

type stayUser struct{ User string }
type stayClick struct{ At Timestamp }
type stay struct{ Clicks int64 }
type stays struct {
	Ended Port[stay]
	Begun Port[struct{}]
}

func TestAKeyedOperatorHasOutputs(t *testing.T) {
	visits := func(call *Call[stayUser, stay, stayClick, stays], _ *NoOptions) {
		for row, click := range call.Rows {
			if call.State == nil {
				call.Ports().Begun.EmitFrom(row, struct{}{})
				call.State = &stay{}
			}
			call.State.Clicks++
			call.Set(0, click.At+10)
		}
		for range call.Due() {
			call.Ports().Ended.Emit(*call.State)
			call.State = nil
		}
	}
	epochs := Start(Keyed(visits, On("begun", PassAll())), KeySetting{Key: []string{"user"}})
	out, err := epochs.Rows(Columns{"user": []string{"b", "a", "b"}, "at": []Timestamp{1, 2, 3}})
	if err != nil {
		t.Fatal(err)
	}
	same(t, out.Main, map[string][]any{"user": {}, "clicks": {}})
	same(t, out.Ports["begun"], map[string][]any{"user": {"b", "a"}, "at": {Timestamp(1), Timestamp(2)}})
	same(t, out.Origins["begun"], []int{0, 1})
	out, err = epochs.Watermark(12)
	if err != nil {
		t.Fatal(err)
	}
	same(t, out.Main, map[string][]any{"user": {"a"}, "clicks": {int64(1)}})
	same(t, out.Origins, map[string][]int{"ended": {-1}, "begun": {}})
	wrong := Keyed(func(call *Call[stayUser, stay, stayClick, stays], _ *NoOptions) { call.Emit(stays{}) })
	panics(t, "there are several outputs", func() {
		Start(wrong, KeySetting{Key: []string{"user"}}).Rows(Columns{"user": []string{"b"}, "at": []Timestamp{1}})
	})
}

func TestACogroupHasOutputs(t *testing.T) {
	type key struct{ Order int64 }
	type sides struct {
		Paid   Port[struct{}]
		Unpaid Port[amount]
	}
	bills := func(pair *Pair[key, amount, amount, sides], _ *NoOptions) {
		rest := int64(0)
		for _, item := range pair.Left {
			rest += item.N
		}
		for _, payment := range pair.Right {
			rest -= payment.N
		}
		if rest > 0 {
			pair.Ports().Unpaid.Emit(amount{rest})
		} else {
			pair.Ports().Paid.Emit(struct{}{})
		}
	}
	out, err := Join(Cogroup(bills), Columns{"order": []int64{1, 2}, "n": []int64{5, 6}}, Columns{"order": []int64{2}, "n": []int64{6}}, JoinSetting{Key: []string{"order"}})
	if err != nil {
		t.Fatal(err)
	}
	same(t, out.Main, map[string][]any{"order": {int64(2)}})
	same(t, out.Ports["unpaid"], map[string][]any{"order": {int64(1)}, "n": {int64(5)}})
}
