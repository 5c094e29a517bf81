//! What is measured: every candidate in every language on every shape, and the yardsticks beside them.

use std::fmt;
use std::hint::black_box;
use std::path::Path;
use std::rc::Rc;

use pelton_core::limits::Limits;
use pelton_wasm::{Module, Runtime, RuntimeOptions};
use wasmtime::Result;
use wasmtime::error::Context;
use wasmtime::{Engine, format_err};
use wit_component::ComponentEncoder;

use crate::batch::{Answer, Batch, Shape};
use crate::buffers::{self, Loop};
use crate::columns::{self, Encoding};
use crate::engine::{Compiled, Deadlines, Instance, engine};
use crate::measure::{Case, Figure, process_time};
use crate::{native, rows};

/// Rows a call where nothing else is said.
pub const ROWS: usize = 8192;

/// Rows a call at which eight s64 columns are 256 KiB.
pub const ROWS_256_KIB: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Language {
    Rust,
    JavaScript,
    Python,
}

/// How a batch gets to the loop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way {
    Rows(Language),
    Columns(Language, Encoding),
    Buffers(Language, Loop),
    /// Not at all: the Rust loop called in the host.
    Native,
    /// The bytes are copied in and out, and no loop runs.
    Copy,
}

/// One case; shown, it is the figure's id.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Key {
    pub way: Way,
    pub shape: Shape,
    pub rows: usize,
    pub deadlines: Deadlines,
}

impl Key {
    pub fn new(way: Way, shape: Shape) -> Self {
        Self { way, shape, rows: ROWS, deadlines: Deadlines::On }
    }

    pub fn rows(self, rows: usize) -> Self {
        Self { rows, ..self }
    }

    pub fn without_deadlines(self) -> Self {
        Self { deadlines: Deadlines::Off, ..self }
    }

    fn language(self) -> Option<Language> {
        match self.way {
            Way::Rows(language) | Way::Columns(language, _) | Way::Buffers(language, _) => Some(language),
            Way::Native | Way::Copy => None,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = match self.way {
            Way::Rows(_) => "rows",
            Way::Columns(_, Encoding::Plain) => "columns",
            Way::Columns(_, Encoding::Flat) => "columns-flat",
            Way::Buffers(_, Loop::Best) => "buffers",
            Way::Buffers(_, Loop::Push) => "buffers-by-push",
            Way::Buffers(_, Loop::Boxed) => "buffers-boxed",
            Way::Native => "native",
            Way::Copy => "copy",
        };
        if let Some(language) = self.language() {
            write!(out, "{}/", language.name())?;
        }
        write!(out, "{way}/{}/{}", self.shape.name(), self.rows)?;
        if self.language().is_some() && self.deadlines == Deadlines::Off { write!(out, "/unmetered") } else { Ok(()) }
    }
}

impl Language {
    pub const ALL: [Self; 3] = [Self::Rust, Self::JavaScript, Self::Python];

    pub fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::JavaScript => "js",
            Self::Python => "python",
        }
    }

    /// Each candidate at its plainest, and the typed lists also at their best.
    pub fn ways(self, shape: Shape) -> Vec<Way> {
        let mut ways = vec![Way::Rows(self), Way::Columns(self, Encoding::Plain)];
        if matches!(shape, Shape::Upper | Shape::Scale) {
            ways.push(Way::Columns(self, Encoding::Flat));
        }
        ways.push(Way::Buffers(self, Loop::Best));
        ways
    }
}

/// The shapes that all candidates are compared on.
pub const COMPARED: [Shape; 5] = [Shape::Keep10, Shape::Keep90, Shape::Add, Shape::Upper, Shape::Scale];

/// The shapes that wasm is held against native on.
pub const AGAINST_NATIVE: [Shape; 6] =
    [Shape::Keep10, Shape::Keep90, Shape::Add, Shape::Upper, Shape::Scale, Shape::Combine];

/// Everything that is measured.
pub fn keys() -> Vec<Key> {
    let mut keys = Vec::new();
    for shape in COMPARED {
        for language in Language::ALL {
            keys.extend(language.ways(shape).into_iter().map(|way| Key::new(way, shape)));
        }
    }
    let best = |language| Way::Buffers(language, Loop::Best);
    keys.push(Key::new(best(Language::Rust), Shape::Combine));
    keys.push(Key::new(best(Language::Rust), Shape::Echo));
    keys.push(Key::new(Way::Buffers(Language::Python, Loop::Boxed), Shape::Add));
    for shape in AGAINST_NATIVE {
        keys.push(Key::new(best(Language::Rust), shape).without_deadlines());
        keys.push(Key::new(Way::Native, shape));
        keys.push(Key::new(Way::Copy, shape));
    }
    for shape in [Shape::Keep10, Shape::Keep90] {
        keys.push(Key::new(Way::Buffers(Language::Rust, Loop::Push), shape));
        keys.push(Key::new(best(Language::JavaScript), shape).without_deadlines());
        keys.push(Key::new(best(Language::Python), shape).without_deadlines());
    }
    for rows in [1, 256, 1024, 4096, 16384] {
        for language in Language::ALL {
            let ways = language.ways(Shape::Keep10).into_iter();
            keys.extend(ways.map(|way| Key::new(way, Shape::Keep10).rows(rows)));
        }
        let ways = Language::Rust.ways(Shape::Add).into_iter().chain([Way::Native, Way::Copy]);
        keys.extend(ways.map(|way| Key::new(way, Shape::Add).rows(rows)));
    }
    keys
}

/// The guests, compiled with and without deadlines.
pub struct Guests {
    compiled: Vec<(Language, Deadlines, Compiled)>,
    /// What each guest costs before its first row.
    pub sizes: Vec<(Language, Size)>,
}

/// What a guest costs before its first row.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub bytes: usize,
    pub compile_seconds: Figure,
    /// By the host, from its compile cache; none when the host's pools refuse it.
    pub load_seconds: Option<Figure>,
    pub instantiate_seconds: Figure,
}

impl Guests {
    /// Reads `rust.core.wasm`, `js.wasm` and `python.wasm` from `folder` and compiles them. One that was not built is
    /// left out.
    pub fn load(folder: &Path) -> Result<Self> {
        let engines: Vec<(Deadlines, Engine)> = [Deadlines::On, Deadlines::Off]
            .into_iter()
            .map(|deadlines| Ok((deadlines, engine(deadlines)?)))
            .collect::<Result<_>>()?;
        let (mut compiled, mut sizes) = (Vec::new(), Vec::new());
        for language in Language::ALL {
            let Some(wasm) = component(folder, language)? else { continue };
            let mut seconds = Vec::new();
            for (deadlines, engine) in &engines {
                let start = process_time();
                compiled.push((language, *deadlines, Compiled::new(engine, *deadlines, &wasm)?));
                seconds.push((process_time() - start).as_secs_f64());
            }
            let guest = &compiled.iter().find(|(of, ..)| *of == language).context("just compiled")?.2;
            let size = Size {
                bytes: wasm.len(),
                compile_seconds: Figure::of(seconds),
                load_seconds: load_seconds(&wasm).ok(),
                instantiate_seconds: Figure::seconds(201, || guest.instantiate())?,
            };
            sizes.push((language, size));
        }
        Ok(Self { compiled, sizes })
    }

    /// Whether the guest that `key` needs was built.
    pub fn has(&self, key: Key) -> bool {
        key.language().is_none_or(|language| self.sizes.iter().any(|(built, _)| *built == language))
    }

    fn instantiate(&self, key: Key) -> Result<Option<Instance>> {
        let Some(language) = key.language() else { return Ok(None) };
        let wanted = |guest: &&(Language, Deadlines, Compiled)| guest.0 == language && guest.1 == key.deadlines;
        let (.., compiled) = self.compiled.iter().find(wanted).context("every guest is compiled")?;
        let mut instance = compiled.instantiate()?;
        if let Way::Buffers(_, written) = key.way {
            buffers::open(&mut instance, key.shape, written)?;
        }
        Ok(Some(instance))
    }

    /// The case of `key`, after it answered every one of `batches` as the native loop does.
    pub fn verified(&self, key: Key, batches: Rc<[Batch]>) -> Result<Case> {
        let mut call = Call { key, instance: self.instantiate(key)?, place: Vec::new(), sizes: Vec::new() };
        for batch in batches.iter() {
            let expected = native::call(key.shape, batch);
            call.sizes = expected.sizes();
            match call.run(batch)? {
                Some(answer) => answer.must_equal(&expected)?,
                None => break,
            }
        }
        let mut next = 0;
        Ok(Case::new(key.to_string(), key.rows, move || {
            next = (next + 1) % batches.len();
            let batch = batches.get(next).context("there are batches")?;
            black_box(call.run(black_box(batch))?);
            Ok(())
        }))
    }
}

struct Call {
    key: Key,
    instance: Option<Instance>,
    /// For [`Way::Copy`]: where the bytes go, and how many come back in each buffer.
    place: Vec<u8>,
    sizes: Vec<usize>,
}

impl Call {
    /// `None`: the way has no answer.
    fn run(&mut self, batch: &Batch) -> Result<Option<Answer>> {
        let shape = self.key.shape;
        let instance = self.instance.as_mut().context("guests have an instance");
        Ok(Some(match self.key.way {
            Way::Rows(_) => rows::call(instance?, shape, batch)?,
            Way::Columns(_, encoding) => columns::call(instance?, shape, encoding, batch)?,
            Way::Buffers(..) => buffers::call(instance?, batch)?,
            Way::Native => native::call(shape, batch),
            Way::Copy => {
                black_box(native::copy(&mut self.place, batch, &self.sizes));
                return Ok(None);
            }
        }))
    }
}

/// What it takes the host to load a module that it compiled before: hash, read, verify, map.
fn load_seconds(wasm: &[u8]) -> Result<Figure> {
    let cache = tempfile::tempdir()?;
    let runtime = Runtime::new(&RuntimeOptions { cache_dir: Some(cache.path().to_owned()) })?;
    let load = || Ok(Module::load(&runtime, wasm, &Limits::default())?);
    load()?;
    Figure::seconds(21, load)
}

/// `None` when the guest was not built.
fn component(folder: &Path, language: Language) -> Result<Option<Vec<u8>>> {
    let name =
        if language == Language::Rust { "rust.core.wasm".to_owned() } else { format!("{}.wasm", language.name()) };
    let path = folder.join(name);
    if !path.exists() {
        return Ok(None);
    }
    let wasm = std::fs::read(&path).with_context(|| format!("failed to read {}", path.display()))?;
    if language != Language::Rust {
        return Ok(Some(wasm));
    }
    let mut encoder = ComponentEncoder::default();
    let encoded = encoder.validate(true).module(&wasm).and_then(|encoder| encoder.encode());
    encoded.map(Some).map_err(|error| format_err!("{error:#}"))
}
