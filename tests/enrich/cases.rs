//! Golden cases of a module that asks: a file stands for its endpoints.

use std::fs;

use pelton::author::{
    Project,
    golden::{self, Misfit, Outcome, Setting},
};
use pelton_wasm::{Runtime, RuntimeOptions};

use super::place::Place;

/// A case with these paths as rows, these replies, and this as `[operator]` and what follows.
fn run(paths: &[&str], replies: &str, operator: &str, bless: bool, place: &Place) -> Outcome {
    place.write("pelton-module.toml", "name = \"asker\"\nlanguage = \"rust\"\nsource = \"lib.rs\"\n");
    place.write("lib.rs", "");
    let rows: String = paths.iter().enumerate().map(|(id, path)| format!("{id},{path}\n")).collect();
    place.write("cases/one/input.csv", format!("id,path\n{rows}"));
    place.write(
        "cases/one/case.toml",
        format!("[input]\nschema = {{ id = \"s64\", path = \"utf8\" }}\n\n[operator]\n{operator}"),
    );
    place.write("cases/one/replies.jsonl", replies);
    let project = Project::open(place.path()).expect("a project");
    let [case] = golden::cases(&project).expect("cases").try_into().expect("one case");
    let runtime = Runtime::new(&RuntimeOptions::default()).expect("a runtime");
    let mut setting = Setting { runtime, threads: 1, bless, log: &mut |_, _| {} };
    case.run(&pelton_tests::guest("asker").expect("the module"), &mut setting).expect("a case that can be used")
}

fn expected(place: &Place) -> Vec<String> {
    let text = fs::read_to_string(place.path().join("cases/one/expected.jsonl")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

const REPLIES: &str = r#"{"request":{"endpoint":"rates","path":"/eur"},"reply":{"body":"one"}}
{"request":{"endpoint":"rates","path":"/flaky"},"reply":{"status":503}}
{"request":{"endpoint":"rates","path":"/flaky"},"reply":{"body":"steady"}}
{"request":{"endpoint":"rates","path":"/slow"},"reply":{"error":"no reply within 10s"}}
{"request":{"endpoint":"rates","path":"/gone"},"reply":{"status":404}}
"#;

#[test]
fn rows_are_told_what_the_case_says() {
    let place = Place::new();
    let paths = ["/eur", "", "/flaky", "/eur", "/slow", "/gone"];
    // A secret that is nowhere is not looked for.
    let operator = "\n[endpoint.rates]\nsecret-env = { authorization = \"PELTON_TEST_NO_SUCH\" }\n";
    let outcome = run(&paths, REPLIES, operator, true, &place);
    assert!(matches!(&outcome, Outcome::Blessed), "{outcome:?}");
    assert_eq!(
        expected(&place),
        [
            r#"{"id":0,"status":200,"said":"one"}"#,
            r#"{"id":1,"status":-1,"said":""}"#,
            r#"{"id":2,"status":200,"said":"steady"}"#,
            r#"{"id":3,"status":200,"said":"one"}"#,
            r#"{"id":4,"status":0,"said":"no reply within 10s"}"#,
        ]
    );
    assert!(matches!(run(&paths, REPLIES, operator, false, &place), Outcome::Passed));
    let other = REPLIES.replace("\"one\"", "\"two\"");
    let Outcome::Differs(differences) = run(&paths, &other, operator, false, &place) else { panic!("rows differ") };
    assert_eq!(differences.len(), 1);
}

#[test]
fn a_module_that_asks_again_is_told_the_next_line() {
    let place = Place::new();
    let line = |body: &str| {
        format!("{{\"request\":{{\"endpoint\":\"rates\",\"path\":\"/wait\"}},\"reply\":{{\"body\":\"{body}\"}}}}\n")
    };
    assert!(matches!(run(&["/wait"], &(line("not yet") + &line("now")), "", true, &place), Outcome::Blessed));
    assert_eq!(expected(&place), [r#"{"id":0,"status":200,"said":"now"}"#]);
    // One that never is content uses its allowance up.
    let outcome = run(&["/wait"], &line("not yet"), "", false, &place);
    assert!(matches!(&outcome, Outcome::Failed(_)), "{outcome:?}");
}

#[test]
fn requests_without_a_reply_and_replies_without_a_request_fail_the_case() {
    let place = Place::new();
    let one = REPLIES.lines().next().expect("a line");
    for bless in [false, true] {
        let Outcome::Unasked(Misfit { untold, unasked }) = run(&["/eur", "/usd", "/usd"], REPLIES, "", bless, &place)
        else {
            panic!("what is not there is not seen")
        };
        assert_eq!(untold, [r#"{"request":{"endpoint":"rates","path":"/usd"},"reply":{"status":200}}"#]);
        let of = |line: usize, path: &str| format!("line {line}: GET {path} of `rates`");
        let all = [of(2, "/flaky"), of(3, "/flaky"), of(4, "/slow"), of(5, "/gone")];
        assert_eq!(unasked, all);
        assert!(expected(&place).is_empty(), "nothing of it is blessed");
    }
    // The module fails for it, which is told less well.
    let Outcome::Unasked(Misfit { untold, .. }) = run(&["/eur", "/trap"], one, "", false, &place) else {
        panic!("the trap is shown, and not why")
    };
    assert_eq!(untold.len(), 1);
    // Nobody but the endpoint of the replies may be asked.
    let outcome = run(&["/eur"], one, "options = { endpoint = \"geo\" }\n", false, &place);
    assert!(matches!(&outcome, Outcome::Failed(_)), "{outcome:?}");
}
