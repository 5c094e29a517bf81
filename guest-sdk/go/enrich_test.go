package guest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

type look struct {
	Word   string
	Weight int64
}
type told struct{ Text string }
type heavy struct{ Row int64 }
type lookOuts struct {
	Told  Port[told]
	Heavy Port[heavy]
}
type lookOptions struct {
	Endpoint string `default:"dictionary"`
	Limit    int64
}

func askFor(row look, options *lookOptions) *Request {
	return Post(options.Endpoint, "/words/"+Encode(row.Word), "what?").Header("accept", "text/plain")
}

func tell(row look, reply *Reply, out *lookOuts, options *lookOptions) Verdict {
	if string(reply.Body) == "later" {
		return reply.Again(fmt.Sprintf("`%s` is not known yet", row.Word))
	}
	if row.Weight > options.Limit {
		out.Heavy.Emit(heavy{int64(Current().Row())})
	}
	text, err := reply.Text()
	if err != nil {
		return Reject(err.Error())
	}
	out.Told.Emit(told{text})
	return Keep
}

func looker() *operator {
	return EnrichSplit(askFor, tell, Drop("weight"), On("heavy", PassNone()))
}

var looked = Columns{
	"id": []int64{1, 2, 3, 4}, "word": []any{"a b", nil, "c", "a b"}, "weight": []int64{1, 2, 30, 40},
}

func asks(limit int64, replies func(*Request) Reply) Setting {
	return Setting{Options: map[string]any{"limit": limit}, Replies: replies}
}

func echo(request *Request) Reply { return Reply{Status: 200, Body: []byte(request.Path)} }

func TestRowsAreToldWhatTheyAskedAndThoseThatAreNotShownAskNothing(t *testing.T) {
	out := did(t)(Run(looker(), looked, asks(10, echo)))
	same(t, out.Main, map[string][]any{
		"id": {int64(1), int64(3), int64(4)}, "word": {"a b", "c", "a b"}, "text": {"/words/a%20b", "/words/c", "/words/a%20b"},
	})
	same(t, out.Ports["heavy"], map[string][]any{"row": {int64(2), int64(3)}})
	same(t, out.Rejected, map[int]string{1: "`word` is null"})
}

func TestEachDifferentRequestIsAskedOnce(t *testing.T) {
	out := did(t)(Run(looker(), looked, Setting{Options: map[string]any{"limit": 10, "endpoint": "other"}, Replies: echo}))
	headers := []Header{{"accept", "text/plain"}}
	same(t, out.Requests, []Request{
		{"other", "POST", "/words/a%20b", headers, []byte("what?")}, {"other", "POST", "/words/c", headers, []byte("what?")},
	})
	one := func(change func(*Request)) string {
		request := Post("a", "/b", "c").Header("d", "e")
		change(request)
		return request.key()
	}
	keys := map[string]bool{
		one(func(*Request) {}): true,
		one(func(r *Request) { r.Endpoint, r.Path = "a/", "b" }):                 true,
		one(func(r *Request) { r.Method = "GET" }):                               true,
		one(func(r *Request) { r.Header("f", "g") }):                             true,
		one(func(r *Request) { r.Headers[0] = Header{"de", ""} }):                true,
		one(func(r *Request) { r.Headers, r.Body = nil, []byte("\x01d\x01ec") }): true,
		one(func(r *Request) { r.Body = nil }):                                   true,
	}
	same(t, len(keys), 7)
	same(t, one(func(*Request) {}), one(func(*Request) {}))
}

func TestWhatWentWrongRejectsTheRowsThatWaitForIt(t *testing.T) {
	out := did(t)(Run(looker(), looked, asks(10, func(request *Request) Reply {
		if request.Path == "/words/c" {
			return Reply{Status: 500}
		}
		return Reply{Err: errors.New("refused")}
	})))
	same(t, out.Rejected, map[int]string{0: "refused", 1: "`word` is null", 2: "status 500", 3: "refused"})
	same(t, out.Ports["heavy"], map[string][]any{"row": {}})
	out = did(t)(Run(looker(), looked, asks(10, func(*Request) Reply { return Reply{Status: 200, Body: []byte{0xff}} })))
	same(t, out.Rejected[0], "the reply is not UTF-8")
}

func TestABatchMayBeAskedAgain(t *testing.T) {
	asked := 0
	out := did(t)(Run(looker(), looked, asks(100, func(*Request) Reply {
		if asked++; asked < 4 {
			return Reply{Status: 200, Body: []byte("later")}
		}
		return Reply{Status: 200, Body: []byte("now")}
	})))
	same(t, out.Main["text"], []any{"now", "now", "now"})
	same(t, asked, 6)
	_, err := Run(looker(), looked, asks(100, func(*Request) Reply { return Reply{Status: 200, Body: []byte("later")} }))
	if err == nil || err.Error() != "wants to ask again: `a b` is not known yet" {
		t.Errorf("got %v", err)
	}
}

type rated struct {
	Price    float64
	Currency string
}

func rateOf(bid rated, _ *NoOptions) *Request {
	if bid.Currency == "EUR" {
		return nil
	}
	return Get("rates", "/latest/"+Encode(bid.Currency)).Query("as of", "now").Query("n", "1")
}

func inEuro(bid rated, reply *Reply, _ *NoOptions) (priced, Verdict) {
	if reply == nil {
		return priced{bid.Price}, Keep
	}
	if reply.Status == 404 {
		return priced{}, Leave
	}
	text, err := reply.Text()
	if err != nil {
		return priced{}, Reject(err.Error())
	}
	return priced{bid.Price * float64(len(text))}, Keep
}

func TestRowsThatNeedNothingAskNothing(t *testing.T) {
	rows := Columns{"price": []float64{8, 3, 2, 1}, "currency": []string{"USD", "EUR", "é", "USD"}}
	out := did(t)(Run(Enrich(rateOf, inEuro), rows, Setting{Replies: Replies(map[string]string{"/latest/USD?as%20of=now&n=1": "ab"})}))
	same(t, out.Main["euro"], []any{16.0, 3.0, 2.0})
	same(t, out.Origin, []int{0, 1, 3})
	same(t, len(out.Requests), 2)
	same(t, out.Requests[1].Path, "/latest/%C3%A9?as%20of=now&n=1")
	if _, err := Run(Enrich(rateOf, inEuro), rows, Setting{}); err == nil || !strings.Contains(err.Error(), "nobody replies to GET rates/latest/USD") {
		t.Errorf("got %v", err)
	}
}

func TestManyRowsAskByBlocks(t *testing.T) {
	words, weights := make([]string, 3*blockRows+7), make([]int64, 3*blockRows+7)
	for row := range words {
		words[row] = fmt.Sprint(row % 700)
	}
	out := did(t)(Run(looker(), Columns{"word": words, "weight": weights}, asks(0, echo)))
	same(t, len(out.Requests), 700)
	for row, text := range out.Main["text"] {
		if text != "/words/"+words[row] {
			t.Fatalf("row %d was told %v", row, text)
		}
	}
}

func TestWhatDoesNotFitAnEnrichOperatorIsRefused(t *testing.T) {
	for _, refused := range []struct {
		rows    Columns
		options any
		message string
	}{
		{looked, nil, "option `limit` is missing: it must be an integer"},
		{Columns{"word": []string{"a"}}, map[string]any{"limit": 1}, "the input has no column `weight`, which `look.Weight` reads as s64: there is `word`"},
	} {
		_, err := Run(looker(), refused.rows, Setting{Options: refused.options})
		if err == nil || err.Error() != refused.message {
			t.Errorf("got %v, want %s", err, refused.message)
		}
	}
}

func TestAnOperatorThatAsksByItsBatchIsCaught(t *testing.T) {
	calls := 0
	counting := func(look, *NoOptions) *Request {
		calls++
		return Get("a", fmt.Sprint("/", calls))
	}
	nothing := func(look, *Reply, *NoOptions) (told, Verdict) { return told{}, Keep }
	_, err := Run(Enrich(counting, nothing), looked, Setting{Replies: echo})
	if err == nil || !strings.Contains(err.Error(), "the requests depend on how rows are cut into batches: GET a/4") {
		t.Errorf("got %v", err)
	}
}

func TestHeadersOfAReplyHaveNoCase(t *testing.T) {
	reply := Reply{Status: 204, Headers: []Header{{"x-left", "7"}}}
	left, is := reply.Header("X-Left")
	_, isRight := reply.Header("x-right")
	same(t, []any{left, is, isRight}, []any{"7", true, false})
	same(t, reply.IsOK() && !(&Reply{Status: 304}).IsOK() && !(&Reply{Err: errors.New("gone")}).IsOK(), true)
	same(t, Encode("aZ09-_.~ /é"), "aZ09-_.~%20%2F%C3%A9")
}
