//! The shipped modules: docs/std.md lists what the catalog knows and docs/std/ has a page for each, the embedded components are ones that
//! jobs can load, and jobs that name them do by the real binary what the pages say.
//!
//! `PELTON_BLESS=1` writes the pages anew.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use arrow::datatypes::Schema;
use pelton::standard::{self, Function, catalog::ModuleKind, page};
use pelton_core::{
    contract::{Input, Mode},
    limits::Limits,
};
use pelton_wasm::{AggregateInstance, Kind, Module, Runtime, RuntimeOptions, TransformInstance};

/// docs/std.md is written by hand down to this line.
const INDEX_BEGINS: &str =
    "<!-- What follows, and the pages in std/, is made from host/src/standard/catalog by `make bless`. -->\n\n";

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

fn is_blessed() -> bool {
    std::env::var_os("PELTON_BLESS").is_some()
}

#[test]
fn the_index_lists_every_function() {
    let path = docs().join("std.md");
    let page = fs::read_to_string(&path).expect("docs/std.md");
    let (by_hand, _) = page.split_once(INDEX_BEGINS).expect("the line at which the index begins");
    let actual = format!("{by_hand}{INDEX_BEGINS}{}", page::index());
    if is_blessed() {
        return fs::write(&path, actual).expect("the page can be written");
    }
    assert!(page == actual, "docs/std.md is not what the catalog says: run again with PELTON_BLESS=1");
}

#[test]
fn every_function_has_a_page_and_every_page_a_function() {
    let pages = page::pages();
    let folder = docs().join("std");
    if is_blessed() {
        fs::create_dir_all(&folder).expect("a folder");
        for (name, page) in &pages {
            fs::write(folder.join(format!("{name}.md")), page).expect("the page can be written");
        }
    }
    for (name, page) in &pages {
        let written = fs::read_to_string(folder.join(format!("{name}.md"))).unwrap_or_default();
        assert!(written == *page, "docs/std/{name}.md is not what the catalog says: run again with PELTON_BLESS=1");
    }
    let files = fs::read_dir(&folder).expect("the folder of pages").map(|entry| entry.expect("an entry").file_name());
    let strays = files.filter(|file| {
        let name = file.to_str().and_then(|file| file.strip_suffix(".md"));
        name.is_none_or(|name| !pages.contains_key(name))
    });
    assert_eq!(strays.collect::<Vec<_>>(), Vec::<OsString>::new(), "pages of no function");
}

#[test]
fn links_of_the_pages_lead_somewhere() {
    let folder = docs().join("std");
    let mut followed = 0;
    for (name, page) in page::pages() {
        for link in page.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let text = fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{name}: {link}: {error}"));
            let heading = |line: &str| {
                let title = line.trim_start_matches('#').trim().to_lowercase();
                title.chars().filter(|c| c.is_alphanumeric() || " -".contains(*c)).collect::<String>().replace(' ', "-")
            };
            let mut headings = text.lines().filter(|line| line.starts_with('#')).map(heading);
            assert!(anchor.is_empty() || headings.any(|heading| heading == anchor), "{name}: {link}");
            followed += 1;
        }
    }
    assert!(followed > page::pages().len(), "each page has a link at least");
}

#[test]
fn the_embedded_modules_have_a_kind_each_and_import_no_more_than_it_needs() {
    for (reference, kind, exports, more) in [
        ("std:count", Kind::Aggregate, &["aggregate", "retractable"][..], ""),
        ("std:filter(true)", Kind::Transform, &["transform"], ""),
        ("std:dedup", Kind::Keyed, &["keyed"], "pelton:operator/state@0.1.0"),
    ] {
        let module = load(reference);
        assert!(module.bytes < 1 << 20, "{} bytes are too many for what is compiled when a job starts", module.bytes);
        assert_eq!(module.kind(), kind);
        let exports: Vec<String> = exports.iter().map(|name| format!("pelton:operator/{name}@0.1.0")).collect();
        assert_eq!(module.exports, exports);
        let allowed = ["pelton:operator/log@0.1.0", "pelton:operator/types@0.1.0", more];
        assert!(module.imports.iter().all(|name| allowed.contains(&name.as_str())), "{:?}", module.imports);
    }
}

#[test]
fn every_function_of_the_catalog_is_in_its_module() {
    let input = Input {
        name: "none".into(),
        schema: Schema::empty().into(),
        key: Vec::new(),
        event_time: None,
        mode: Mode::Append,
    };
    let (aggregates, transforms) = (load("std:count"), load("std:filter(true)"));
    let refusal = |kind: ModuleKind, function: &str| {
        let options = format!("{{\"function\": \"{function}\"}}");
        let refusal = match kind {
            ModuleKind::Aggregate => AggregateInstance::new(&aggregates, &Limits::default())
                .expect("an instance")
                .open(&input, &[], &options)
                .err(),
            _ => TransformInstance::new(&transforms, &Limits::default())
                .expect("an instance")
                .open(&input, &[], &options)
                .err(),
        };
        refusal.map(|error| error.to_string()).unwrap_or_default()
    };
    for kind in [ModuleKind::Aggregate, ModuleKind::Transform] {
        assert!(refusal(kind, "nothing").contains("there is no std:nothing"), "what is not there is told apart");
        for function in Function::all().into_iter().filter(|function| function.kind == kind) {
            let refusal = refusal(kind, function.name);
            assert!(!refusal.contains("there is no std:"), "{}: {refusal}", function.name);
        }
    }
    let keyed: Vec<_> = Function::all().into_iter().filter(|function| function.kind == ModuleKind::Keyed).collect();
    assert_eq!(keyed.len(), 1, "a second one needs the option that tells them apart");
}

fn load(reference: &str) -> Module {
    let runtime = Runtime::new(&RuntimeOptions { cache_dir: None }).expect("a runtime");
    let bytes = standard::find(reference).expect("it is shipped").bytes;
    Module::load(&runtime, bytes, &Limits::default()).expect("it loads")
}

/// Between the rows of two files, each of which is an epoch.
const NEXT_FILE: &str = "----\n";

/// Runs a job whose source is `rows` and whose sinks write CSV to `out/NAME`, on one and on four threads; the lines of each of `sinks`.
fn run(format: &str, rows: &str, job: &str, sinks: &[&str]) -> Vec<Vec<String>> {
    let [one, four] = ["1", "4"].map(|threads| run_on(threads, format, rows, job, sinks));
    assert_eq!(one, four, "one thread and four");
    one
}

fn run_on(threads: &str, format: &str, rows: &str, job: &str, sinks: &[&str]) -> Vec<Vec<String>> {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("data")).expect("a folder");
    for (number, rows) in rows.split(NEXT_FILE).enumerate() {
        fs::write(folder.path().join(format!("data/{number}.{format}")), rows).expect("rows");
    }
    let mut text = format!(
        "name = \"std\"\nbatch = {{ max-bytes = 1 }}\n\n[source.rows]\ntype = \"file\"\npath = \"data/*.{format}\"\n{job}\n"
    );
    for sink in sinks {
        let name = sink.replace('.', "-");
        text += &format!(
            "\n[sink.out-{name}]\ninput = \"{sink}\"\ntype = \"file\"\npath = \"out/{name}\"\nformat = \"csv\"\ncsv = {{ header = true }}\n"
        );
    }
    fs::write(folder.path().join("job.toml"), text).expect("a job");
    let output = Command::new(pelton_tests::binary().expect("a binary"))
        .args(["run", "job.toml", "--threads", threads, "--color", "never", "--cache-dir"])
        .arg(std::env::temp_dir().join("pelton-tests-std-cache"))
        .current_dir(folder.path())
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = |sink: &&str| {
        let mut lines = Vec::new();
        let mut parts: Vec<_> = fs::read_dir(folder.path().join("out").join(sink.replace('.', "-")))
            .map(|entries| entries.map(|entry| entry.expect("an entry").path()).collect())
            .unwrap_or_default();
        parts.sort();
        for part in parts {
            lines.extend(fs::read_to_string(part).expect("text").lines().map(str::to_owned));
        }
        lines
    };
    sinks.iter().map(lines).collect()
}

const BIDS: &str = "auction,price,channel,ts
1,50.5,x,2026-02-28T10:00:00
2,150,y,2026-02-28T10:00:01
0,200,y,2026-02-28T10:00:02
4,,x,2026-02-28T10:00:03
";

const SCHEMA: &str = "csv = { header = true }
schema = { auction = \"s64\", price = \"f64?\", channel = \"utf8\", ts = \"timestamp[ms]\" }
";

#[test]
fn filter_and_select_compute_rows_and_reject_what_they_cannot() {
    let job = format!(
        r#"{SCHEMA}
[operator.dear]
input = "rows"
module = "std:filter(price > 100 / auction and channel in ('x', 'y'))"

[operator.priced]
input = "dear"
module = "std:select"
options = {{ columns = {{ euro = "price * 2", site = "upper(channel) || '!'", auction = "auction", day = "cast(ts as date)" }} }}
"#
    );
    let made = run("csv", BIDS, &job, &["priced", "dear.rejected"]);
    assert_eq!(made[0], ["euro,site,auction,day", "300.0,Y!,2,2026-02-28"]);
    assert_eq!(made[1].len(), 2, "{:?}", made[1]);
    assert!(made[1][1].ends_with("`100 / auction` divides by zero"), "{:?}", made[1]);
}

#[test]
fn expressions_of_any_allowed_depth_fit_into_the_sandbox() {
    let (high, deep) = (" + 1".repeat(120), 60);
    let nested = format!("{}auction{}", "coalesce(".repeat(deep), ", 0)".repeat(deep));
    let job = format!(
        r#"{SCHEMA}
[operator.high]
input = "rows"
module = "std:filter"
options = {{ where = "auction{high} > 0 and {nested} < 2 and {}auction{} >= 0" }}
"#,
        "(".repeat(deep),
        ")".repeat(deep)
    );
    assert_eq!(run("csv", BIDS, &job, &["high"])[0].len(), 3);
}

#[test]
fn the_other_transforms_pass_and_change_columns() {
    let job = format!(
        r#"{SCHEMA}
[operator.cast]
input = "rows"
module = "std:cast"
options = {{ columns = {{ price = "decimal(5, 1)", auction = "utf8" }} }}

[operator.renamed]
input = "cast"
module = "std:rename"
options = {{ columns = {{ auction = "id" }} }}

[operator.left]
input = "renamed"
module = "std:drop(ts)"

[operator.all]
input = "left"
module = "std:sample(1)"

[operator.none]
input = "left"
module = "std:sample(0)"
"#
    );
    let made = run("csv", BIDS, &job, &["all", "none"]);
    assert_eq!(made[0], ["id,price,channel", "1,50.5,x", "2,150.0,y", "0,200.0,y", "4,,x"]);
    assert!(made[1].len() <= 1, "{:?}", made[1]);
}

#[test]
fn dedup_keeps_the_first_row_of_each_key_and_forgets_by_its_time_to_live() {
    let files = [
        "a,1,2026-02-28T10:00:00\nb,2,2026-02-28T10:00:01\na,3,2026-02-28T10:00:02\n",
        "c,4,2026-02-28T12:00:00\n",
        "a,5,2026-02-28T12:00:01\na,6,2026-02-28T12:00:02\n",
    ];
    let rows = files.map(|rows| format!("id,n,ts\n{rows}")).join(NEXT_FILE);
    let job = |state: &str| {
        format!(
            r#"csv = {{ header = true }}
schema = {{ id = "utf8", n = "s64", ts = "timestamp[ms]" }}
event-time = {{ column = "ts", watermark = "1s" }}

[operator.once]
input = "rows"
module = "std:dedup"
key = ["id"]
{state}
"#
        )
    };
    let firsts = |state: &str| {
        let made = run("csv", &rows, &job(state), &["once"]).remove(0);
        let mut made: Vec<String> = made.into_iter().filter(|line| line != "id,n,ts").collect();
        made.sort();
        made
    };
    let (once, again) = (
        ["a,1,2026-02-28T10:00:00.000", "b,2,2026-02-28T10:00:01.000", "c,4,2026-02-28T12:00:00.000"],
        "a,5,2026-02-28T12:00:01.000",
    );
    assert_eq!(firsts(""), once);
    assert_eq!(firsts("state = { ttl = \"5h\" }"), once);
    let mut forgotten = [once.as_slice(), &[again]].concat();
    forgotten.sort_unstable();
    assert_eq!(firsts("state = { ttl = \"1h\" }"), forgotten);
}

/// A sample is drawn by names and numbers alone, so these figures are the same in every run: a test that is too strict fails at once, or never.
#[test]
fn a_sample_is_a_fair_share_of_every_stretch_and_of_another_sample() {
    const ROWS: usize = 100_000;
    const STRETCH: usize = 1_000;
    let job = r#"csv = { header = true }
schema = { id = "s64" }

[operator.tenth]
input = "rows"
module = "std:sample(0.1)"

[operator.other]
input = "rows"
module = "std:sample(0.1)"

[operator.half]
input = "rows"
module = "std:sample(0.5)"

[operator.quarter]
input = "half"
module = "std:sample(0.5)"
"#;
    let rows: String = (0..ROWS).map(|id| format!("{id}\n")).collect();
    let made = run("csv", &format!("id\n{rows}"), job, &["tenth", "other", "half", "quarter"]);
    let ids = |lines: &Vec<String>| -> Vec<usize> {
        lines.iter().filter(|line| *line != "id").map(|line| line.parse().expect("an id")).collect()
    };
    let made: Vec<Vec<usize>> = made.iter().map(ids).collect();
    // Five standard deviations of a binomial distribution.
    let is_share = |count: usize, of: usize, share: f64| {
        let (expected, deviation) = (of as f64 * share, (of as f64 * share * (1.0 - share)).sqrt());
        assert!((count as f64 - expected).abs() < 5.0 * deviation, "{count} of {of} are no share of {share}");
    };
    for (sample, share) in made.iter().zip([0.1, 0.1, 0.5, 0.25]) {
        assert!(sample.is_sorted_by(|one, next| one < next), "rows keep their order, and none comes twice");
        is_share(sample.len(), ROWS, share);
        // Pearson's test over stretches: its expectation is their number, its deviation the root of twice that.
        let mut counts = [0_usize; ROWS / STRETCH];
        sample.iter().for_each(|id| counts[id / STRETCH] += 1);
        let expected = STRETCH as f64 * share;
        let off = |count: &usize| (*count as f64 - expected).powi(2) / (expected * (1.0 - share));
        let off: f64 = counts.iter().map(off).sum();
        let (stretches, deviation) = (counts.len() as f64, (2.0 * counts.len() as f64).sqrt());
        assert!((off - stretches).abs() < 5.0 * deviation, "χ² of {stretches} stretches is {off}");
        // One row says nothing of the next.
        let pairs = sample.windows(2).filter(|pair| pair[1] == pair[0] + 1).count();
        is_share(pairs, ROWS - 1, share * share);
    }
    let is_in = |sample: &[usize], id: &usize| sample.binary_search(id).is_ok();
    let both = made[0].iter().filter(|id| is_in(&made[1], id)).count();
    is_share(both, ROWS, 0.01);
    assert!(made[3].iter().all(|id| is_in(&made[2], id)), "a sample of a sample is of that");
}

#[test]
fn first_and_last_of_a_session_go_by_arrival_however_rows_are_cut() {
    // The third row joins the sessions of the two before it, of which the later one came first.
    let rows = ["a,p1,2026-02-28T10:10:00\n", "a,p2,2026-02-28T10:00:00\n", "a,p3,2026-02-28T10:05:00\n"];
    let job = r#"schema = { user = "utf8", page = "utf8", ts = "timestamp[ms]" }
event-time = { column = "ts", watermark = "1h" }

[operator.visits]
input = "rows"
key = ["user"]
window = { type = "session", gap = "6m" }
aggregate = { n = "std:count", first = "std:first(page)", last = "std:last(page)" }
"#;
    let expected = ["user,window_start,window_end,n,first,last", "a,2026-02-28T10:00:00,2026-02-28T10:16:00,3,p1,p3"];
    for cut in [rows.concat(), rows.join(NEXT_FILE), rows[..2].concat() + NEXT_FILE + rows[2]] {
        let made: Vec<String> = run("csv", &cut, job, &["visits"]).remove(0);
        let made: Vec<String> = made.iter().map(|line| line.replace(".000000", "")).collect();
        assert_eq!(made, expected, "{cut}");
    }
}

#[test]
fn a_sum_of_decimals_that_fits_does_so_however_its_rows_are_cut() {
    // Until its window closes nobody asks for a sum: that of the first two does not fit.
    let time = "2026-02-28T10:00:00";
    let rows = ["99999999999999999999999999999999999999", "1", "-5"].map(|x| format!("a,{x},{time}\n"));
    let job = r#"schema = { k = "utf8", x = "decimal(38, 0)", ts = "timestamp[s]" }
event-time = { column = "ts", watermark = "0s" }

[operator.sums]
input = "rows"
key = ["k"]
window = { type = "tumbling", length = "1h" }
aggregate = { n = "std:count", sum = "std:sum(x)", mean = "std:avg(x)" }
"#;
    let expected = "3,99999999999999999999999999999999999995,33333333333333333333333333333333333332";
    for cut in [rows.concat(), rows.join(NEXT_FILE), rows[..2].concat() + NEXT_FILE + &rows[2]] {
        let made = run("csv", &cut, job, &["sums"]).remove(0);
        assert!(made.len() == 2 && made[1].ends_with(expected), "{cut}{made:?}");
    }
}

#[test]
fn json_is_parsed_and_nested_columns_become_flat() {
    let rows = r#"{"id": 1, "at": {"city": "Bern", "geo": {"x": 1.5}}, "items": [{"name": "a", "n": 1}, {"name": "b", "n": null}]}
{"id": 2, "at": null, "items": []}
{"id": 3, "at": {"city": null, "geo": null}, "items": [{"name": "c", "n": 3}]}
"#;
    let job = r#"format = "json"
schema = { id = "s64", at = "struct<city: utf8?, geo: struct<x: f64>?>?", items = "list<struct<name: utf8, n: s64?>>" }

[operator.flat]
input = "rows"
module = "std:flatten(at, items)"

[operator.places]
input = "rows"
module = "std:flatten(separator = '-')"

[operator.named]
input = "places"
module = "std:drop(items)"
"#;
    let made = run("json", rows, job, &["flat", "named"]);
    assert_eq!(made[0], ["id,at_city,at_geo_x,items_name,items_n", "1,Bern,1.5,a,1", "1,Bern,1.5,b,", "3,,,c,3"]);
    assert_eq!(made[1], ["id,at-city,at-geo-x", "1,Bern,1.5", "2,,", "3,,"]);
    let lines = "{\"user\": 1, \"spent\": 12.5}\nnothing\n{\"user\": 2, \"spent\": \"3.25\", \"more\": [1]}\n{\"user\": 1.5, \"spent\": 1}\n";
    let job = r#"format = "text"

[operator.parsed]
input = "rows"
module = "std:parse-json(line)"
options = { schema = { user = "s64", spent = "decimal(9, 2)" } }
"#;
    let made = run("txt", lines, job, &["parsed", "parsed.rejected"]);
    assert_eq!(made[0], ["user,spent", "1,12.50", "2,3.25"]);
    assert_eq!(made[1].len(), 3, "{:?}", made[1]);
    assert!(made[1][1].contains("`line` is no JSON"), "{:?}", made[1]);
    assert!(made[1][2].contains("`user` is 1.5, which is no s64"), "{:?}", made[1]);
}
