//! An inert WASI for guests whose language runtime imports one: it answers, and touches nothing.
//!
//! The clock is the batch's time, random numbers come from the batch's seed, standard output and error go to the
//! operator's log, there are no arguments, no environment and no files; what waits is ready at once. Functions are
//! linked by name from the component's own import types, so that every 0.2 release fits. Sockets and HTTP are not
//! linked at all: a module that imports them is refused.

use wasmtime::{
    Engine, StoreContextMut,
    component::{
        LinkerInstance, Resource, ResourceType, Val,
        types::{ComponentInstance, ComponentItem, Type},
    },
};

use crate::host::{Host, Level};

/// Whether the interface `name` has an inert form.
pub(crate) fn is_inert(name: &str) -> bool {
    ["wasi:cli/", "wasi:io/", "wasi:clocks/", "wasi:random/", "wasi:filesystem/"]
        .iter()
        .any(|package| name.starts_with(package))
        && name.split_once('@').is_some_and(|(_, version)| version.starts_with("0.2."))
}

/// What the inert world shows to one call.
#[derive(Debug, Default)]
pub(crate) struct Inert {
    /// Nanoseconds since 1970; moves on a microsecond with each look, so that nothing spins for ever.
    now_ns: u64,
    random: u64,
    /// What was written to standard output or error and has no newline yet.
    line: Vec<u8>,
}

/// A line that grows longer is logged in parts.
const LINE_MAX: usize = 4096;
/// Bytes taken by one write, and random bytes given at once.
const CHUNK_MAX: u64 = 1 << 20;

impl Inert {
    /// Sets clock and seed for a call.
    pub(crate) fn begin_call(&mut self, now_us: i64, seed: u64) {
        self.now_ns = u64::try_from(now_us).unwrap_or(0).saturating_mul(1_000);
        self.random = seed;
    }

    /// What standard output holds without a newline.
    pub(crate) fn take_line(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned()
    }

    fn tick(&mut self) -> u64 {
        self.now_ns = self.now_ns.saturating_add(1_000);
        self.now_ns
    }

    /// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// Stands for every resource: streams, pollables, descriptors.
struct Handle;

/// Links all of instance `name` as the component imports it.
pub(crate) fn link(
    linker: &mut LinkerInstance<'_, Host>,
    name: &str,
    instance: &ComponentInstance,
    engine: &Engine,
) -> wasmtime::Result<()> {
    let interface = name.split('@').next().unwrap_or(name).to_owned();
    for (item_name, item) in instance.exports(engine) {
        match item.ty {
            ComponentItem::Resource(_) => {
                linker.resource(item_name, ResourceType::host::<Handle>(), |_, _| Ok(()))?;
            }
            ComponentItem::ComponentFunc(ty) => {
                let function = format!("{interface}.{item_name}");
                let result = ty.results().next();
                linker.func_new(item_name, move |mut store, _, params, results| {
                    let value = answer(&mut store, &function, params, result.as_ref())?;
                    if let (Some(value), Some(slot)) = (value, results.first_mut()) {
                        *slot = value;
                    }
                    Ok(())
                })?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn answer(
    store: &mut StoreContextMut<'_, Host>,
    function: &str,
    params: &[Val],
    result: Option<&Type>,
) -> wasmtime::Result<Option<Val>> {
    let ok = |value: Option<Val>| Some(Val::Result(Ok(value.map(Box::new))));
    Ok(match function {
        "wasi:cli/environment.get-environment"
        | "wasi:cli/environment.get-arguments"
        | "wasi:filesystem/preopens.get-directories" => Some(Val::List(Vec::new())),
        "wasi:cli/environment.initial-cwd"
        | "wasi:cli/terminal-stdin.get-terminal-stdin"
        | "wasi:cli/terminal-stdout.get-terminal-stdout"
        | "wasi:cli/terminal-stderr.get-terminal-stderr"
        | "wasi:filesystem/types.filesystem-error-code" => Some(Val::Option(None)),
        "wasi:cli/exit.exit" | "wasi:cli/exit.exit-with-code" => wasmtime::bail!("the module called exit"),
        "wasi:cli/stdin.get-stdin" | "wasi:cli/stdout.get-stdout" | "wasi:cli/stderr.get-stderr" => handle(store)?,
        "wasi:io/streams.[method]output-stream.check-write" => ok(Some(Val::U64(CHUNK_MAX))),
        "wasi:io/streams.[method]output-stream.write"
        | "wasi:io/streams.[method]output-stream.blocking-write-and-flush" => {
            write(store.data_mut(), params.get(1))?;
            ok(None)
        }
        "wasi:io/streams.[method]output-stream.flush" | "wasi:io/streams.[method]output-stream.blocking-flush" => {
            ok(None)
        }
        "wasi:io/streams.[method]input-stream.read" | "wasi:io/streams.[method]input-stream.blocking-read" => {
            Some(Val::Result(Err(Some(Box::new(Val::Variant("closed".into(), None))))))
        }
        "wasi:io/streams.[method]output-stream.subscribe"
        | "wasi:io/streams.[method]input-stream.subscribe"
        | "wasi:clocks/monotonic-clock.subscribe-instant"
        | "wasi:clocks/monotonic-clock.subscribe-duration" => handle(store)?,
        "wasi:io/poll.[method]pollable.ready" => Some(Val::Bool(true)),
        "wasi:io/poll.[method]pollable.block" => None,
        "wasi:io/poll.poll" => Some(Val::List(vec![Val::U32(0)])),
        "wasi:clocks/monotonic-clock.now" => Some(Val::U64(store.data_mut().wasi.tick())),
        "wasi:clocks/monotonic-clock.resolution" => Some(Val::U64(1_000)),
        "wasi:clocks/wall-clock.now" => Some(datetime(store.data_mut().wasi.tick())),
        "wasi:clocks/wall-clock.resolution" => Some(datetime(1_000)),
        "wasi:random/random.get-random-u64" | "wasi:random/insecure.get-insecure-random-u64" => {
            Some(Val::U64(store.data_mut().wasi.random()))
        }
        "wasi:random/random.get-random-bytes" | "wasi:random/insecure.get-insecure-random-bytes" => {
            Some(random_bytes(store.data_mut(), params.first())?)
        }
        "wasi:random/insecure-seed.insecure-seed" => {
            let wasi = &mut store.data_mut().wasi;
            Some(Val::Tuple(vec![Val::U64(wasi.random()), Val::U64(wasi.random())]))
        }
        _ => Some(unsupported(function, result)?),
    })
}

fn handle(store: &mut StoreContextMut<'_, Host>) -> wasmtime::Result<Option<Val>> {
    let resource = Resource::<Handle>::new_own(0);
    Ok(Some(Val::Resource(resource.try_into_resource_any(store)?)))
}

fn datetime(ns: u64) -> Val {
    let nanoseconds = u32::try_from(ns % 1_000_000_000).unwrap_or(0);
    Val::Record(vec![("seconds".into(), Val::U64(ns / 1_000_000_000)), ("nanoseconds".into(), Val::U32(nanoseconds))])
}

fn random_bytes(host: &mut Host, length: Option<&Val>) -> wasmtime::Result<Val> {
    let Some(Val::U64(length)) = length else { wasmtime::bail!("get-random-bytes takes a length") };
    if *length > CHUNK_MAX {
        wasmtime::bail!("the module asked for {length} random bytes at once; {CHUNK_MAX} are allowed");
    }
    let bytes = (0..*length).map(|_| Val::U8(host.wasi.random().to_le_bytes()[0])).collect();
    Ok(Val::List(bytes))
}

/// Standard output and error: whole lines go to the log.
fn write(host: &mut Host, bytes: Option<&Val>) -> wasmtime::Result<()> {
    let Some(Val::List(bytes)) = bytes else { return Ok(()) };
    for byte in bytes {
        let Val::U8(byte) = byte else { continue };
        if *byte != b'\n' {
            host.wasi.line.push(*byte);
        }
        if *byte == b'\n' || host.wasi.line.len() >= LINE_MAX {
            let line = std::mem::take(&mut host.wasi.line);
            host.log_line(Level::Info, &String::from_utf8_lossy(&line))?;
        }
    }
    Ok(())
}

/// The error that the function's own type offers, or a trap that names it.
fn unsupported(function: &str, result: Option<&Type>) -> wasmtime::Result<Val> {
    if let Some(Type::Result(result)) = result
        && let Some(Type::Enum(codes)) = result.err()
        && codes.names().any(|name| name == "unsupported")
    {
        return Ok(Val::Result(Err(Some(Box::new(Val::Enum("unsupported".into()))))));
    }
    wasmtime::bail!("the module called {function}, which has no inert form")
}
