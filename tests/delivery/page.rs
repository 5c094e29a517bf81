//! docs/delivery.md: written by what was seen, and held against it.

use std::{env, fmt::Write, fs, path::Path};

use super::{
    Outcomes,
    feeds::{Promise, Source},
    sinks::Sink,
    trial::Fault,
};

const HEAD: &str = "\
<!-- Made of what was seen by `cargo test … --test delivery`; `PELTON_BLESS=1` writes it. -->

# What arrives, and how often

Each source with each sink, in a job with a [checkpoint](checkpoints.md), through the real binary: a fault ends the job, it is started again, and the rows in the sink are counted. A test
makes this page of what it has seen, and `make test` holds it.

";

/// Compares the page with what was seen, or writes it.
pub fn hold(outcomes: &Outcomes) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/delivery.md");
    let page = write(outcomes);
    let is_whole = outcomes.keys().any(|(_, sink, _)| *sink == Sink::Postgres);
    if !is_whole {
        println!("without a server of PostgreSQL the page is not held");
        return;
    }
    if env::var_os("PELTON_BLESS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let known = fs::read_to_string(&path).unwrap_or_default();
    assert!(known == page, "docs/delivery.md says something else; what was seen is\n{page}\nPELTON_BLESS=1 accepts it");
}

fn write(outcomes: &Outcomes) -> String {
    let mut page = HEAD.to_owned();
    let sinks = Sink::ALL.map(Sink::name).join(" | ");
    writeln!(page, "| source | {sinks} |\n|---|{}", "---|".repeat(Sink::ALL.len())).unwrap();
    for source in Source::ALL {
        let cells = Sink::ALL.map(|sink| cell(outcomes, source, sink)).join(" | ");
        writeln!(page, "| {} | {cells} |", source.name()).unwrap();
    }
    page.push_str("\nThe faults, each of which came to each of these pairs:\n\n");
    for (number, fault) in (1..).zip(Fault::ALL) {
        writeln!(page, "{number}. {}", fault.name()).unwrap();
    }
    page.push_str(
        "\n- **Once**: no row was missing, and none was there twice.\n\
         - **Once if answered**: no row of a request was missing that was answered with 200, and no row was there twice.\n\
         - **Once if logged**: no row was there twice, and none was missing that was sent after the job was started again. Who writes to a socket or a pipe is not told what has been \
         logged; what had not when the process died is lost.\n\
         - Faults are named where rows were there twice.\n\n\
         `make chaos` does the same with many more instants, and compares files byte for byte; what is computed is behind the [proofs](proof.md).\n",
    );
    page
}

fn cell(outcomes: &Outcomes, source: Source, sink: Sink) -> String {
    let of_pair = Fault::ALL.map(|fault| (fault, outcomes.get(&(source, sink, fault))));
    let lost: Vec<&str> = of_pair
        .iter()
        .filter(|(_, seen)| seen.is_some_and(|seen| seen.missing > 0))
        .map(|(fault, _)| fault.name())
        .collect();
    if !lost.is_empty() {
        return format!("**rows are lost** ({})", lost.join("; "));
    }
    let once = match source.promise() {
        Promise::All => "once",
        Promise::Answered => "once if answered",
        Promise::Logged => "once if logged",
    };
    // At some instant it may or may not come to that.
    let repeats: Vec<String> = (1..)
        .zip(&of_pair)
        .filter(|(_, (fault, seen))| *fault != Fault::Random && seen.is_some_and(|seen| seen.twice > 0))
        .map(|(number, _)| number.to_string())
        .collect();
    let is_bad = sink != Sink::Print && of_pair.iter().any(|(_, seen)| seen.is_some_and(|seen| seen.twice > 0));
    match (repeats.as_slice(), is_bad) {
        (_, true) => format!("**twice** (fault {})", repeats.join(", ")),
        ([], _) => once.to_owned(),
        (repeats, _) => format!("{once}; twice after fault {}", repeats.join(", ")),
    }
}
