//! Golden messages: each `job_files/bad/NAME.toml` breaks one rule (or several), and `NAME.txt` is what a user sees.
//!
//! `PELTON_BLESS=1` writes the messages anew; read the difference before you commit it. The first lines of a
//! job file may be `#: --set PATH=VALUE` or `#: env NAME=VALUE`. Also here: what good job files mean, and that
//! docs/job-file.md lists what the reader knows.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use pelton::{
    cli::report::{self, Style},
    error::Code,
    job::{
        diagnostic::Diagnostics,
        file::{
            self, JobFile,
            keys::{Keys, Need, Shape},
            reference, tables,
        },
    },
};

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("job_files")
}

fn blessing() -> bool {
    std::env::var_os("PELTON_BLESS").is_some()
}

/// Parses with the overrides and variables that the file's first lines give.
fn parse(text: &str) -> Result<JobFile, Diagnostics> {
    let notes: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("#: ")).collect();
    let pairs = |prefix: &str| -> BTreeMap<String, String> {
        let notes = notes.iter().filter_map(|note| note.strip_prefix(prefix));
        notes.filter_map(|note| note.split_once('=')).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
    };
    let variables = pairs("env ");
    file::parse(text.to_owned(), Path::new("job.toml"), &pairs("--set "), &|name| variables.get(name).cloned())
}

/// Compares with what is on file, or writes it when blessing; returns what is wrong.
fn compare(path: &Path, actual: &str) -> Option<String> {
    if blessing() {
        fs::write(path, actual).expect("the golden file can be written");
        return None;
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    (expected != actual).then(|| format!("{}:\nexpected\n{expected}\nbut got\n{actual}", path.display()))
}

#[test]
fn bad_job_files_give_their_messages() {
    let mut cases: Vec<PathBuf> = fs::read_dir(here().join("bad"))
        .expect("the cases")
        .map(|entry| entry.expect("a case").path())
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .collect();
    cases.sort();
    assert!(cases.len() >= 40, "only {} cases", cases.len());
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|path| {
            let text = fs::read_to_string(path).expect("a case");
            let Err(mistakes) = parse(&text) else { return Some(format!("{} has no mistake", path.display())) };
            compare(&path.with_extension("txt"), &report::render(&mistakes, Style::PLAIN))
        })
        .collect();
    assert!(wrong.is_empty(), "run again with PELTON_BLESS=1 if these are right\n\n{}", wrong.join("\n"));
}

#[test]
fn machines_get_lines_and_columns() {
    let mistakes = parse("name = \"x\"\nthreads = 0\n").expect_err("mistakes");
    let json = report::to_json(&mistakes);
    let threads = json["errors"].as_array().expect("errors").iter().find(|error| error["code"] == "PELTON-0104");
    let label = &threads.expect("the error about threads")["labels"][0];
    assert_eq!((&label["line"], &label["column"], &label["end_column"]), (&2.into(), &11.into(), &12.into()), "{json}");
}

/// A job that uses every key; what it means is on file as the model's own `Debug`.
#[test]
fn a_full_job_file_means_what_is_on_file() {
    let text = fs::read_to_string(here().join("full.toml")).expect("full.toml");
    let job = parse(&text).unwrap_or_else(|mistakes| panic!("{}", report::render(&mistakes, Style::PLAIN)));
    let wrong = compare(&here().join("full.txt"), &format!("{:#?}\n", job.spec));
    assert_eq!(wrong, None, "run again with PELTON_BLESS=1 if this is right");
    for keys in reference::all_keys() {
        for key in keys.keys {
            let used = text.contains(&format!("{} =", key.name))
                || text.contains(&format!("[{}.", key.name))
                || text.lines().any(|line| line.starts_with('[') && line.contains(&format!(".{}", key.name)));
            assert!(used, "full.toml does not use `{}` of {}", key.name, keys.title);
        }
    }
}

/// A smallest job around one table, and the line at which a key of that table can be added.
fn around(keys: &Keys) -> Option<(String, String)> {
    const TOP: &str = "name = \"x\"\n";
    const SOURCE: &str = "[source.s]\ntype = \"file\"\npath = \"s.csv\"\n";
    const SINK: &str = "[sink.k]\ntype = \"blackhole\"\ninput = \"s\"\n";
    let is = |other: &Keys| std::ptr::eq(keys, other);
    let source = |body: &str| Some((format!("{TOP}[source.s]\n{body}"), SINK.to_owned()));
    let sink = |body: &str| Some((format!("{TOP}{SOURCE}[sink.k]\ninput = \"s\"\n{body}"), String::new()));
    let rule = |body: &str| source(&format!("type = \"generator\"\n[source.s.columns.c{body}"));
    let operator = |body: &str| {
        let sink = SINK.replace("\"s\"", "\"o\"");
        Some((format!("{TOP}{SOURCE}{sink}[operator.o]\ninput = \"s\"\nmodule = \"o.wasm\"\n{body}"), String::new()))
    };
    if is(&tables::JOB) {
        Some((TOP.to_owned(), format!("{SOURCE}{SINK}")))
    } else if is(&tables::RESTART) {
        let before = format!("{TOP}checkpoint = \"state\"\n[restart]\ntype = \"exponential\"\n");
        Some((before, format!("{SOURCE}{SINK}")))
    } else if is(&tables::REPLAY) {
        Some((format!("{TOP}checkpoint = \"state\"\n[replay]\n"), format!("{SOURCE}{SINK}")))
    } else if is(&tables::BATCH) {
        Some((format!("{TOP}[batch]\n"), format!("{SOURCE}{SINK}")))
    } else if is(&tables::FILE_SOURCE) {
        source("type = \"file\"\npath = \"s.csv\"\n")
    } else if is(&tables::STDIN) {
        source("type = \"stdin\"\nformat = \"csv\"\n")
    } else if is(&tables::SOCKET) {
        source("type = \"socket\"\nlisten = \"127.0.0.1:9999\"\nformat = \"text\"\n")
    } else if is(&tables::HTTP) {
        source("type = \"http\"\nlisten = \"127.0.0.1:9999\"\nformat = \"text\"\n")
    } else if is(&tables::GENERATOR) {
        source("type = \"generator\"\nnexmark = \"bid\"\n")
    } else if is(&tables::READ_CSV) {
        source("type = \"stdin\"\nformat = \"csv\"\n[source.s.csv]\n")
    } else if is(&tables::RULE) {
        rule("]\nsequence = {}\n")
    } else if is(&tables::SEQUENCE) {
        rule(".sequence]\n")
    } else if is(&tables::ZIPF) {
        rule(".zipf]\nn = 5\n")
    } else if is(&tables::TEXT) {
        rule(".text]\nmax = 5\n")
    } else if is(&tables::TIME) {
        rule(".time]\nstart = 2026-01-01T00:00:00Z\n")
    } else if is(&tables::OPERATOR) {
        operator("")
    } else if is(&tables::TABLE) {
        let join = "[operator.o.join]\nleft = \"s\"\nright = \"t\"\non = \"a\"\n";
        let rest = format!("{SOURCE}{}[operator.o]\n{join}", SINK.replace("\"s\"", "\"o\""));
        Some((format!("{TOP}[table.t]\npath = \"t.csv\"\n"), rest))
    } else if is(&tables::ENDPOINT) {
        let sink = SINK.replace("\"s\"", "\"o\"");
        let asks = "[operator.o]\ninput = \"s\"\nmodule = \"o.wasm\"\nendpoints = \"e\"\n";
        Some((format!("{TOP}[endpoint.e]\nurl = \"http://h\"\n"), format!("{SOURCE}{sink}{asks}")))
    } else if is(&tables::JOIN) {
        let sink = SINK.replace("\"s\"", "\"o\"");
        let join = "[operator.o.join]\nleft = \"s\"\nright = \"s\"\non = \"a\"\nwithin = \"1s\"\n";
        Some((format!("{TOP}{SOURCE}{sink}{join}"), String::new()))
    } else if is(&tables::WINDOW) {
        operator("[operator.o.window]\ntype = \"tumbling\"\nlength = \"1d\"\n")
    } else if is(&tables::STATE) {
        operator("[operator.o.state]\n")
    } else if is(&tables::ON_TRAP) {
        operator("[operator.o.on-trap]\ntype = \"skip\"\n")
    } else if is(&tables::SHADOW) {
        operator("[operator.o.shadow]\nmodule = \"n.wasm\"\n")
    } else if is(&tables::CANARY) {
        operator("[operator.o.canary]\nmodule = \"n.wasm\"\nshare = \"1/8\"\n")
    } else if is(&tables::DRAINING) {
        let window = "[operator.o.window]\ntype = \"tumbling\"\nlength = \"1d\"\n";
        operator(&format!("{window}[operator.o.draining]\nmodule = \"n.wasm\"\n"))
    } else if is(&tables::LIMITS) {
        operator("[operator.o.limits]\n")
    } else if is(&tables::PRINT) {
        sink("type = \"print\"\n")
    } else if is(&tables::FILE_SINK) {
        sink("type = \"file\"\npath = \"out\"\nformat = \"csv\"\n")
    } else if is(&tables::POSTGRES) {
        sink("type = \"postgres\"\nurl = \"postgresql://localhost/shop\"\ntable = \"orders\"\n")
    } else if is(&tables::WRITE_CSV) {
        sink("type = \"file\"\npath = \"out\"\nformat = \"csv\"\n[sink.k.csv]\n")
    } else {
        None
    }
}

#[test]
fn documented_defaults_are_the_ones_in_use() {
    for keys in reference::all_keys() {
        let defaults = keys.keys.iter().filter_map(|key| match key.need {
            Need::Default(value) => Some((key.name, value)),
            _ => None,
        });
        for (name, value) in defaults {
            let (before, after) = around(keys).unwrap_or_else(|| panic!("no job around {}", keys.title));
            let meaning = |line: &str| {
                let text = format!("{before}{line}{after}");
                let job = parse(&text)
                    .unwrap_or_else(|mistakes| panic!("{text}\n{}", report::render(&mistakes, Style::PLAIN)));
                format!("{:?}", job.spec)
            };
            assert_eq!(meaning(""), meaning(&format!("{name} = {value}\n")), "`{name}` of {}", keys.title);
        }
    }
}

#[test]
fn limits_have_the_keys_they_are_reported_by() {
    let mut keys: Vec<&str> = tables::LIMITS.names().collect();
    let mut limits = pelton_core::limits::LimitName::ALL.map(|limit| limit.key());
    keys.sort_unstable();
    limits.sort_unstable();
    assert_eq!(keys, limits);
}

/// The page is written by hand down to this line; the tables after it are made from the keys.
const TABLES_BEGIN: &str = "<!-- The tables below are made from host/src/job/file/tables.rs by `make bless`. -->\n\n";

#[test]
fn the_reference_lists_every_key() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/job-file.md");
    let page = fs::read_to_string(&path).expect("docs/job-file.md");
    let (by_hand, _) = page.split_once(TABLES_BEGIN).expect("the line at which the tables begin");
    let wrong = compare(&path, &format!("{by_hand}{TABLES_BEGIN}{}", reference::tables()));
    assert_eq!(wrong, None, "run again with PELTON_BLESS=1");
}

#[test]
fn examples_in_the_reference_are_good_job_files() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/job-file.md")).expect("the page");
    let mut examples = 0;
    for block in page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()) {
        if block.starts_with("name =") {
            parse(block).unwrap_or_else(|mistakes| panic!("{block}\n{}", report::render(&mistakes, Style::PLAIN)));
            examples += 1;
        }
    }
    assert!(examples >= 1);
}

#[test]
fn every_error_code_has_its_page() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/errors");
    let index = fs::read_to_string(dir.join("README.md")).expect("docs/errors/README.md");
    for code in Code::ALL {
        let page = fs::read_to_string(dir.join(format!("{code}.md"))).unwrap_or_else(|_| panic!("no page for {code}"));
        let heading = format!("# {code}: {}\n", code.title());
        assert!(page.starts_with(&heading), "{code}.md should begin with {heading:?}");
        assert!((10..=40).contains(&page.lines().count()), "{code}.md has {} lines", page.lines().count());
        assert!(index.contains(&format!("| [{code}]({code}.md) | {} |", code.title())), "{code} is not in the index");
    }
    let pages = fs::read_dir(&dir).expect("the pages").map(|entry| entry.expect("a page").file_name());
    for name in pages.map(|name| name.to_string_lossy().into_owned()).filter(|name| name != "README.md") {
        assert!(Code::ALL.iter().any(|code| name == format!("{code}.md")), "{name} is the page of no code");
    }
}

#[test]
fn damaged_job_files_do_not_panic() {
    let full = fs::read(here().join("full.toml")).expect("full.toml");
    for at in 0..full.len() {
        let mut cut = full.clone();
        cut.truncate(at);
        draw(&cut);
        let bytes = [b'"', b'\n', b'}', b'[', b'.', b'=', 0xc3, 0];
        let mut changed = full.clone();
        changed[at] = bytes[at % bytes.len()];
        draw(&changed);
    }
    fn draw(data: &[u8]) {
        if let Some(mistakes) = file::fuzz_job_file(data) {
            report::render(&mistakes, Style::PLAIN);
            report::to_json(&mistakes);
        }
    }
}

#[test]
fn shapes_say_what_they_expect() {
    for key in reference::all_keys().iter().flat_map(|keys| keys.keys) {
        let expected = key.shape.expected();
        assert!(!expected.is_empty() && !key.about.is_empty() && !key.about.ends_with('.'), "{}: {expected}", key.name);
        if let Shape::Choice(choices) = key.shape {
            assert!(choices.iter().all(|choice| expected.contains(choice)), "{expected}");
        }
    }
}
