package guest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// A Request is what an enrich operator asks of an endpoint, which the job file gives a name. The engine sends it: it adds the endpoint's URL and
// its secrets. It may be sent more than once, so it should ask and change nothing. [Get] and [Post] make one.
type Request struct {
	Endpoint string
	Method   string // GET, HEAD or POST
	Path     string // below the endpoint's URL, with the query
	Headers  []Header
	Body     []byte
}

// A Header of a request or of a reply.
type Header struct{ Name, Value string }

// Get asks for what is at the path, which is appended to the endpoint's URL. Parts of it that come from rows are to be encoded: see [Encode].
func Get(endpoint, path string) *Request {
	return &Request{Endpoint: endpoint, Method: "GET", Path: path}
}

// Post asks by the body, at the path.
func Post[Body ~string | ~[]byte](endpoint, path string, body Body) *Request {
	return &Request{Endpoint: endpoint, Method: "POST", Path: path, Body: []byte(body)}
}

// Query adds name=value to the path, encoded.
func (r *Request) Query(name, value string) *Request {
	sign := "?"
	if strings.Contains(r.Path, "?") {
		sign = "&"
	}
	r.Path += sign + Encode(name) + "=" + Encode(value)
	return r
}

// Header adds a header. Those that the job file sets, and those that say how the request is sent, are not a module's to set.
func (r *Request) Header(name, value string) *Request {
	r.Headers = append(r.Headers, Header{name, value})
	return r
}

// String is the request for people.
func (r *Request) String() string { return r.Method + " " + r.Endpoint + r.Path }

// key is the same for equal requests and for no others.
func (r *Request) key() string {
	var key []byte
	add := func(part string) {
		key = binary.AppendUvarint(key, uint64(len(part)))
		key = append(key, part...)
	}
	add(r.Endpoint)
	add(r.Method)
	add(r.Path)
	key = binary.AppendUvarint(key, uint64(len(r.Headers)))
	for _, header := range r.Headers {
		add(header.Name)
		add(header.Value)
	}
	return string(append(key, r.Body...))
}

// Encode is text as it may stand within a segment of a path, or in a query: all but letters, digits, -, _, . and ~ becomes %41. The engine refuses a
// segment that is . or .., however it is written: a row that may have one is for nil.
func Encode(text string) string {
	const digits = "0123456789ABCDEF"
	var encoded strings.Builder
	for i := range len(text) {
		letter := text[i]
		switch {
		case 'a' <= letter && letter <= 'z', 'A' <= letter && letter <= 'Z', '0' <= letter && letter <= '9', strings.IndexByte("-_.~", letter) >= 0:
			encoded.WriteByte(letter)
		default:
			encoded.Write([]byte{'%', digits[letter>>4], digits[letter&15]})
		}
	}
	return encoded.String()
}

// A Reply is what an endpoint replied to a request, or why there is no reply. Statuses such as 404 and 500 are replies; a refused connection, a
// timeout, or a body over the endpoint's max-reply is an error. By then the engine has sent the request as often as the endpoint's retries allow,
// if it got no reply or 429, 502, 503 or 504.
type Reply struct {
	Status  int // 0 if there is no reply
	Headers []Header
	Body    []byte
	Err     error // why there is no reply; nil if there is one

	again string
}

// IsOK says whether the status is one from 200 to 299.
func (r *Reply) IsOK() bool { return r.Err == nil && r.Status >= 200 && r.Status < 300 }

// Header is the first header of this name, whatever its case; false if there is none.
func (r *Reply) Header(name string) (string, bool) {
	for _, header := range r.Headers {
		if strings.EqualFold(header.Name, name) {
			return header.Value, true
		}
	}
	return "", false
}

// Text is the body of a reply that is ok, as text. The error says what came instead.
func (r *Reply) Text() (string, error) {
	switch {
	case r.Err != nil:
		return "", r.Err
	case !r.IsOK():
		return "", fmt.Errorf("status %d", r.Status)
	case !utf8.Valid(r.Body):
		return "", errors.New("the reply is not UTF-8")
	}
	return string(r.Body), nil
}

// Again has the whole batch asked again, after a while: replies that are errors, or all if there are none such. If that was done as often as the
// endpoint allows, the job fails. The verdict is the row's: return Priced{}, reply.Again("not ready yet").
func (r *Reply) Again(why string) Verdict {
	if why == "" {
		why = "the module wants to ask again"
	}
	r.again = why
	return Reject(why)
}
