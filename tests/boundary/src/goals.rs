//! Turns measured cases into the rows of the report, and compares them with the goals.

use wasmtime::Result;
use wasmtime::error::Context;

use crate::batch::Shape;
use crate::buffers::Loop;
use crate::measure::{Case, Figure};
use crate::suite::{AGAINST_NATIVE, Guests, Key, Language, ROWS_256_KIB, Way, keys};

/// One line of the report.
#[derive(Debug)]
pub struct Row {
    pub id: String,
    pub what: String,
    pub figure: Figure,
    pub unit: &'static str,
    pub goal: Option<Goal>,
}

#[derive(Clone, Copy, Debug)]
pub enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

impl Goal {
    pub fn met(self, figure: Figure) -> bool {
        match self {
            Self::AtMost(most) => figure.median <= most,
            Self::AtLeast(least) => figure.median >= least,
        }
    }
}

/// The measured cases by key.
pub struct Measured<'a>(pub &'a [(Key, Case)]);

impl Measured<'_> {
    fn case(&self, key: Key) -> Result<&Case> {
        let case = self.0.iter().find(|(of, _)| *of == key).map(|(_, case)| case);
        case.with_context(|| format!("`{key}` was not measured"))
    }

    /// `None` when it was not timed.
    pub fn figure(&self, key: Key) -> Option<Figure> {
        self.case(key).ok().map(Case::figure)
    }

    fn ratio(&self, above: Key, below: Key) -> Result<Figure> {
        Ok(self.case(above)?.ratio(self.case(below)?))
    }
}

/// Goals first, then costs, then every case.
pub fn rows(measured: &Measured, guests: &Guests) -> Result<Vec<Row>> {
    let mut rows = rates(measured)?;
    rows.extend(against_native(measured)?);
    rows.extend(costs(measured)?);
    rows.extend(before_the_first_row(guests));
    for key in keys() {
        // A case whose answers were wrong was not timed, and is missing here.
        let Ok(case) = measured.case(key) else { continue };
        rows.push(Row {
            id: case.id.clone(),
            what: format!("{}, {} rows a call", key.shape.what(), key.rows),
            figure: case.figure(),
            unit: "ns/row",
            goal: None,
        });
    }
    Ok(rows)
}

fn best(language: Language, shape: Shape) -> Key {
    Key::new(Way::Buffers(language, Loop::Best), shape)
}

/// G1: what a row costs.
fn rates(measured: &Measured) -> Result<Vec<Row>> {
    let eight = best(Language::Rust, Shape::Add).rows(ROWS_256_KIB);
    let mut rows = vec![
        Row {
            id: "g1-eight-s64".into(),
            what: "Rust, 8 × s64 in and out, 256 KiB a call".into(),
            figure: measured.case(eight)?.figure(),
            unit: "ns/row",
            goal: Some(Goal::AtMost(5.0)),
        },
        Row {
            id: "g1-eight-s64-memcpy".into(),
            what: "… against memcpy of the same bytes in and out".into(),
            figure: measured.ratio(Key::new(Way::Copy, Shape::Add).rows(ROWS_256_KIB), eight)?,
            unit: "of rate",
            goal: Some(Goal::AtLeast(0.6)),
        },
    ];
    for (language, most) in [(Language::Rust, 1.0), (Language::JavaScript, 40.0), (Language::Python, 100.0)] {
        for shape in [Shape::Keep10, Shape::Keep90] {
            let Ok(case) = measured.case(best(language, shape)) else { continue };
            rows.push(Row {
                id: format!("g1-{}-{}", language.name(), shape.name()),
                what: format!("{}, {}, one computed", language.name(), shape.what()),
                figure: case.figure(),
                unit: "ns/row",
                goal: Some(Goal::AtMost(most)),
            });
        }
    }
    Ok(rows)
}

/// G2: the sandbox and the boundary, against the same loop in the host.
fn against_native(measured: &Measured) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for shape in AGAINST_NATIVE {
        let (native, wasm) = (Key::new(Way::Native, shape), best(Language::Rust, shape));
        for (suffix, key, most) in [("unmetered", wasm.without_deadlines(), 1.3), ("deadlines", wasm, 1.5)] {
            rows.push(Row {
                id: format!("g2-{}-{suffix}", shape.name()),
                what: format!("Rust, {}, wasm against native, {suffix}", shape.what()),
                figure: measured.ratio(key, native)?,
                unit: "×",
                goal: Some(Goal::AtMost(most)),
            });
        }
    }
    Ok(rows)
}

/// What the parts cost: copies, deadlines, the call itself.
fn costs(measured: &Measured) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let mut push = |id: String, what: String, figure, unit| rows.push(Row { id, what, figure, unit, goal: None });
    for shape in AGAINST_NATIVE {
        let wasm = best(Language::Rust, shape);
        let share = measured.ratio(Key::new(Way::Copy, shape), wasm)?;
        push(format!("copy-share-{}", shape.name()), format!("memcpy's share of {wasm}"), share, "of time");
        let deadlines = measured.ratio(wasm, wasm.without_deadlines())?;
        push(format!("deadlines-{}", shape.name()), format!("{wasm}, deadlines on against off"), deadlines, "×");
    }
    for language in [Language::JavaScript, Language::Python] {
        for shape in [Shape::Keep10, Shape::Keep90] {
            let wasm = best(language, shape);
            let Ok(deadlines) = measured.ratio(wasm, wasm.without_deadlines()) else { continue };
            let id = format!("deadlines-{}-{}", language.name(), shape.name());
            push(id, format!("{wasm}, deadlines on against off"), deadlines, "×");
        }
    }
    for language in Language::ALL {
        let Ok(case) = measured.case(best(language, Shape::Keep10).rows(1)) else { continue };
        let one = case.figure();
        push(format!("call-{}", language.name()), format!("{}, a call of one row", language.name()), one, "ns");
    }
    Ok(rows)
}

fn before_the_first_row(guests: &Guests) -> Vec<Row> {
    let row = |language: Language, id: &str, what: &str, figure, unit| Row {
        id: format!("{id}-{}", language.name()),
        what: format!("{}, {what}", language.name()),
        figure,
        unit,
        goal: None,
    };
    let scaled = |figure: Figure, by: f64| Figure { median: figure.median * by, ..figure };
    let each = guests.sizes.iter().flat_map(|(language, size)| {
        let bytes = Figure { median: size.bytes as f64 / 1024.0, spread: 0.0 };
        let load = size.load_seconds.map(|seconds| scaled(seconds, 1e3));
        let load = load.map(|load| row(*language, "load", "load from the compile cache", load, "ms"));
        let first = [
            row(*language, "size", "component", bytes, "KiB"),
            row(*language, "compile", "compile, all threads", scaled(size.compile_seconds, 1e3), "ms"),
            row(*language, "instantiate", "instantiate from the pool", scaled(size.instantiate_seconds, 1e6), "µs"),
        ];
        first.into_iter().chain(load)
    });
    each.collect()
}
