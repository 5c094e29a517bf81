//! Enrich operators that mean harm: requests that leave their endpoint, rows that wait for what nobody asked, too much of all, and answers
//! that never come.
//!
//! The good one is the good transform in two calls: `ask` asks `rates` for `/eur`, for which every other row waits, and `answer` answers
//! with `y = 2 x`, plus the status of the reply. A hostile one is it plus a few stores.

use pelton_wasm::{Allowed, Asked, EnrichInstance, Kind, NO_REQUEST, Reply, Whom};

use super::{
    guest::{at, stores, words},
    *,
};

/// `result<requests, failure>` of `ask`: tag, `requests` (address, length), `wanted` (address, length); of a failure tag, text (address, length).
const ASKED: u32 = 3000;
/// `request`: endpoint, method, path, headers, body (each an address and a length); room for two.
const REQUEST: u32 = 3040;
/// `tuple<string, string>`: a header.
const HEADER: u32 = 3160;
/// `wanted`: a word for each row.
const WANTED: u32 = 3200;
/// Text: `rates`, `GET`, `/eur`, then that of the hole.
const TEXT: u32 = 3400;
const OF_HOLE: u32 = TEXT + 12;
/// Zeros: far behind what `cabi_realloc` gives away for the rows.
const ZEROS: u32 = 2 * at::HEAP;

/// An enrich operator: the good one, until a hole is filled.
#[derive(Debug, Clone, Default)]
struct Asker {
    /// Runs after what is asked was laid out, and before `ask` returns.
    ask: String,
    /// The same of `answer`.
    answer: String,
    /// Text for a hostile one, at `OF_HOLE`.
    text: String,
}

impl Asker {
    fn wat(&self) -> String {
        let Self { ask, answer, text } = self;
        let waits: Vec<u32> = (0..ROWS).map(|row| if row % 2 == 0 { 0 } else { NO_REQUEST }).collect();
        let data = words(&[
            (ASKED, &[0, REQUEST, 1, WANTED, 4 * ROWS]),
            (REQUEST, &[TEXT, 5, TEXT + 5, 3, TEXT + 8, 4, 0, 0, 0, 0]),
            (WANTED, &waits),
        ]);
        let escaped: String = text.bytes().map(|byte| format!("\\{byte:02x}")).collect();
        let values = at::VALUES;
        let more = format!(
            r#"{data} (data (i32.const {TEXT}) "ratesGET/eur{escaped}")
  (func $ask (export "pelton:operator/enrich@0.1.0#ask")
    (param $epoch i64) (param $first_row i64) (param $now i64) (param $watermark i64) (param $seed i64)
    (param $rows i32) (param $nodes i32) (param $node_count i32) (result i32)
    {ask}
    (i32.const {ASKED}))"#
        );
        // The status of the first reply is its first half word.
        let add = format!(
            "(loop $next
              (i64.store offset={values} (i32.shl (local.get $i) (i32.const 3))
                (i64.add (i64.load offset={values} (i32.shl (local.get $i) (i32.const 3)))
                  (i64.extend_i32_u (i32.load16_u (local.get $replies)))))
              (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $rows))))
            {answer}"
        );
        let transform = Guest { more, ..Guest::processing(add) }.text();
        let given = "(param $rows i32) (param $nodes i32) (param $node_count i32) (result i32)\n    (local $i i32)";
        let asked = "(param $rows i32) (param $nodes i32) (param $node_count i32)\n    (param $wanted i32) (param $wanted_bytes i32) (param $replies i32) (param $reply_count i32) (result i32)\n    (local $i i32)";
        assert!(transform.contains(given), "{transform}");
        let enrich = transform.replacen(given, asked, 1).replace("transform@0.1.0#open", "enrich@0.1.0#open");
        enrich.replace("transform@0.1.0#process", "enrich@0.1.0#answer")
    }

    fn asking(ask: impl Into<String>) -> Self {
        Self { ask: ask.into(), ..Self::default() }
    }

    fn answering(answer: impl Into<String>) -> Self {
        Self { answer: answer.into(), ..Self::default() }
    }

    /// One that stores an address and a length at each of the places, of this text.
    fn saying(text: &str, place: u32) -> Self {
        let length = u32::try_from(text.len()).expect("a short text");
        Self { ask: stores(&[(place, OF_HOLE), (place + 4, length)]), text: text.into(), ..Self::default() }
    }

    /// One that sends a header with this name, or this value.
    fn with_header(name: &str, value: &str) -> Self {
        let lengths = [name, value].map(|text| u32::try_from(text.len()).expect("a short text"));
        let [of_name, of_value] = lengths;
        let header =
            [(HEADER, OF_HOLE), (HEADER + 4, of_name), (HEADER + 8, OF_HOLE + of_name), (HEADER + 12, of_value)];
        let ask = stores(&header) + &stores(&[(REQUEST + 24, HEADER), (REQUEST + 28, 1)]);
        Self { ask, text: [name, value].concat(), ..Self::default() }
    }
}

struct Asking {
    instance: EnrichInstance,
    signature: Signature,
}

impl Asking {
    fn begin(asker: &Asker, limits: &Limits) -> Result<Self, CallError> {
        let module = Module::load(&RUNTIME, asker.wat().as_bytes(), limits).expect("it loads");
        assert_eq!(module.kind(), Kind::Enrich);
        let mut instance = EnrichInstance::new(&module, limits)?;
        let signature = instance.open(&input(), &[], "{}")?.check(&input(), &[])?;
        Ok(Self { instance, signature })
    }

    fn rows() -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(0..i64::from(ROWS)))
    }

    fn ask(&mut self) -> Result<Asked, CallError> {
        let allowed = [Allowed { name: "rates".into(), headers: vec!["authorization".into()] }];
        self.instance.ask(&CONTEXT, ROWS as usize, &[Self::rows()], Whom::Only(&allowed))
    }

    fn answer(&mut self, asked: &Asked) -> Result<Answer, CallError> {
        let replies = vec![Reply { status: 200, ..Reply::default() }; asked.requests.len()];
        let rows = (ROWS as usize, [Self::rows()]);
        self.instance.answer(&CONTEXT, (rows.0, &rows.1), &asked.wanted, &replies, &self.signature)
    }

    fn live(asker: &Asker, limits: &Limits) -> Result<Answer, CallError> {
        let mut asking = Self::begin(asker, limits)?;
        let asked = asking.ask()?;
        asking.answer(&asked)
    }

    /// How a hostile one ends; the neighbours must not notice.
    fn end(asker: &Asker, limits: &Limits) -> CallError {
        let error = Self::live(asker, limits).expect_err("a hostile guest got an answer through");
        the_neighbour_lives();
        Self::the_good_one_answers();
        error
    }

    fn the_good_one_answers() {
        let answer = Self::live(&Asker::default(), &patient()).expect("the good one answers");
        let y = answer.emitted[0].computed[0].as_primitive::<Int64Type>();
        assert_eq!(y.values().to_vec(), (0..i64::from(ROWS)).map(|x| 2 * x + 200).collect::<Vec<_>>());
    }
}

#[track_caller]
fn refused(asker: &Asker, call: &str, says: &str) {
    let error = Asking::end(asker, &patient());
    assert!(matches!(&error, CallError::Invalid { call: in_call, .. } if *in_call == call), "{error:?}");
    assert!(error.to_string().contains(says), "{error} should say {says:?}");
}

#[test]
fn the_good_one_asks_and_answers() {
    Asking::the_good_one_answers();
    let mut asking = Asking::begin(&Asker::default(), &patient()).expect("it opens");
    let asked = asking.ask().expect("it asks");
    let [request] = asked.requests.as_slice() else { panic!("one request, not {:?}", asked.requests) };
    assert_eq!((request.name.as_str(), request.method.as_str(), request.path.as_str()), ("rates", "GET", "/eur"));
    assert_eq!(asked.wanted[..3], [0, NO_REQUEST, 0]);
}

#[test]
fn a_request_stays_with_its_endpoint() {
    let path = REQUEST + 16;
    for (text, says) in [
        ("/../admin", "a segment `.` or `..`"),
        ("/%2e%2e/admin", "a segment `.` or `..`"),
        ("/a/..%2fadmin", "a segment `.` or `..`"),
        ("//evil.example/", "names a host"),
        ("http://evil.example/", "names a host"),
        ("/eur HTTP/1.1\r\nHost: evil", "must be percent-encoded"),
        ("/eur\r\nHost: evil", "control character"),
        ("/eur%0d%0aHost: evil", "must be percent-encoded"),
        ("/\u{e9}", "must be percent-encoded"),
    ] {
        refused(&Asker::saying(text, path), "ask", says);
    }
    refused(&Asker::saying("geo", REQUEST), "ask", "the operator may not ask the endpoint `geo`; it may ask `rates`");
    refused(&Asker::saying("DELETE", REQUEST + 8), "ask", "its method `DELETE` is none of GET, HEAD and POST");
    refused(&Asker::saying("more", REQUEST + 32), "ask", "its method `GET` has no body, but the request has one");
}

#[test]
fn a_header_cannot_end_its_request_nor_be_another_s() {
    refused(&Asker::with_header("x", "1\r\nhost: evil"), "ask", "characters other than visible ASCII");
    refused(&Asker::with_header("x: 1\r\nhost", "evil"), "ask", "is not a name for a header");
    for name in ["Host", "content-length", "Transfer-Encoding", "Connection", "cookie"] {
        refused(&Asker::with_header(name, "evil"), "ask", "is set by Pelton alone");
    }
    refused(&Asker::with_header("Authorization", "mine"), "ask", "header `authorization` is set by the job file");
    let many = stores(&[(REQUEST + 24, ZEROS), (REQUEST + 28, 33)]);
    refused(&Asker::asking(many), "ask", "more than 32 headers");
}

#[test]
fn rows_wait_for_requests_that_are_there() {
    refused(&Asker::asking(stores(&[(WANTED + 8, 1)])), "ask", "row 2 waits for request 1, but there are 1");
    refused(&Asker::asking(stores(&[(WANTED, NO_REQUEST - 1)])), "ask", "row 0 waits for request 4294967294");
    refused(&Asker::asking(stores(&[(ASKED + 8, 0)])), "ask", "row 0 waits for request 0, but there are 0");
    for bytes in [0, 4 * ROWS - 1, 4 * ROWS - 4, 4 * ROWS + 4] {
        refused(&Asker::asking(stores(&[(ASKED + 16, bytes)])), "ask", &format!("`wanted` has {bytes} bytes, but"));
    }
    let twice = format!(
        "(memory.copy (i32.const {}) (i32.const {REQUEST}) (i32.const 40)) {}",
        REQUEST + 40,
        stores(&[(ASKED + 8, 2)])
    );
    refused(&Asker::asking(twice), "ask", "request 1 is request 0 once more");
}

#[test]
fn too_much_of_anything_hits_its_limit() {
    let limits = Limits { requests: 10, ..patient() };
    // Requests of nothing.
    let many = stores(&[(ASKED + 4, ZEROS), (ASKED + 8, 11)]);
    let error = Asking::end(&Asker::asking(many), &limits);
    assert_limit(error, "ask", LimitName::Requests, "hit its limit `requests` = 10 in `ask`");
    let post = "(i32.store (i32.const 3412) (i32.const 0x54534f50))";
    let large = format!("{post} {}", stores(&[(REQUEST + 8, 3412), (REQUEST + 12, 4), (REQUEST + 36, 1 << 19)]));
    let error = Asking::end(&Asker::asking(&large), &Limits { request_bytes: 1 << 18, ..patient() });
    assert_limit(error, "ask", LimitName::RequestBytes, "hit its limit `request-bytes` = 256KiB in `ask`");
    // The same half mebibyte as the body of ten thousand requests: it is not copied so often.
    let again = format!(
        "(local $i i32) {large} (loop $next
          (memory.copy (i32.add (i32.const {heap}) (i32.mul (local.get $i) (i32.const 40))) (i32.const {REQUEST}) (i32.const 40))
          (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 10000)))) {}",
        stores(&[(ASKED + 4, ZEROS), (ASKED + 8, 10_000)]),
        heap = ZEROS
    );
    let begun = Instant::now();
    let error = Asking::end(&Asker::asking(again), &patient());
    assert_limit(error, "ask", LimitName::OutputBytes, "hit its limit `output-bytes` = 64MiB in `ask`");
    assert!(begun.elapsed() < Duration::from_secs(20), "it took {:?}", begun.elapsed());
    // A list that is not there at all.
    let error = Asking::end(&Asker::asking(stores(&[(ASKED + 8, u32::MAX)])), &patient());
    assert!(error.to_string().contains("`ask`"), "{error}");
}

#[test]
fn replies_that_its_memory_has_no_room_for_hit_its_limit() {
    let mut asking = Asking::begin(&Asker::default(), &patient()).expect("it opens");
    let asked = asking.ask().expect("it asks");
    let replies = [Reply { status: 200, body: vec![0; 4 << 20], ..Reply::default() }];
    let rows = (ROWS as usize, [Asking::rows()]);
    // Its sixteen pages do not grow.
    let error = asking.instance.answer(&CONTEXT, (rows.0, &rows.1), &asked.wanted, &replies, &asking.signature);
    let error = error.expect_err("there is no room");
    assert!(error.to_string().contains("`answer`"), "{error}");
    Asking::the_good_one_answers();
}

#[test]
fn answers_are_held_against_the_rows() {
    for (words, says) in [([(at::ORIGIN, ROWS)], "row"), ([(at::EMITTED, 3)], "port"), ([(at::NODE, 3)], "rows")] {
        // Origins of a good one are row for row, and not named.
        let named = stores(&[(at::EMITTED + 4, 1)]);
        refused(&Asker::answering(named + &stores(&words)), "answer", says);
    }
}

#[test]
fn traps_and_loops_end_in_either_call() {
    assert_trap(&Asking::end(&Asker::asking("(unreachable)"), &patient()), "ask", "unreachable");
    assert_trap(&Asking::end(&Asker::answering("(unreachable)"), &patient()), "answer", "unreachable");
    for (call, asker) in [("ask", Asker::asking(SPIN)), ("answer", Asker::answering(SPIN))] {
        let message = format!("hit its limit `call-time` = 100ms in `{call}`");
        assert_limit(Asking::end(&asker, &quick()), call, LimitName::CallTime, &message);
    }
}

#[test]
fn one_that_always_asks_again_says_so_and_may_be_called_again() {
    let failure = |tag| [(0, 1), (4, tag), (8, TEXT), (12, 5)];
    let said = |base: u32, words: [(u32, u32); 4]| stores(&words.map(|(offset, word)| (base + offset, word)));
    let mut asking = Asking::begin(&Asker::answering(said(at::ANSWER, failure(0))), &patient()).expect("it opens");
    let asked = asking.ask().expect("it asks");
    for _ in 0..100 {
        let error = asking.answer(&asked).expect_err("it wants to ask again");
        assert!(matches!(&error, CallError::Retry(why) if why == "rates"), "{error:?}");
    }
    // There is nothing to ask again yet in `ask`.
    for tag in [0, 1] {
        let error = Asking::end(&Asker::asking(said(ASKED, failure(tag))), &patient());
        assert!(matches!(&error, CallError::Failed(why) if why == "rates"), "{error:?}");
    }
}
