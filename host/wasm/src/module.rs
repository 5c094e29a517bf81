//! A module, loaded: recognised, checked for what it imports, exports and needs, compiled, and linked.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use pelton_core::{
    limits::{Limits, show_bytes},
    model::ModuleDigest,
};
use wasmtime::{
    Engine,
    component::{Component, HasSelf, InstancePre, Linker, types::ComponentItem},
};

use crate::{
    bindings::{
        exports::pelton::operator::{aggregate, cogroup, enrich, keyed, migrate, retractable, tables, transform},
        pelton::operator::{log, state, types},
    },
    engine::{CORE_INSTANCES_MAX, MEMORIES_MAX, Metering, Runtime},
    error::{CallError, LoadError},
    host::Host,
    packaging::{self, Packaging},
    wasi,
};

/// A compiled module, ready to make instances of.
pub struct Module {
    pub digest: ModuleDigest,
    pub packaging: Packaging,
    /// Bytes as the author gave them.
    pub bytes: usize,
    /// Interfaces that it imports and exports.
    pub imports: Vec<String>,
    pub exports: Vec<String>,
    runtime: Arc<Runtime>,
    /// Compiled once more when calls have to be metered by their instructions.
    component: Arc<[u8]>,
    timed: Linked,
    metered: OnceLock<Result<Linked, String>>,
}

/// A module for one engine.
pub(crate) struct Linked {
    pub(crate) engine: Engine,
    pub(crate) pre: InstancePre<Host>,
    pub(crate) exported: Exports,
    /// Where it takes rows back, if it does: aggregates alone.
    pub(crate) retractable: Option<retractable::GuestIndices>,
    /// Where it takes side inputs, if it does.
    pub(crate) tables: Option<tables::GuestIndices>,
    /// Where it reads state of older versions, if it does.
    pub(crate) migrate: Option<migrate::GuestIndices>,
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module").field("digest", &self.digest).finish_non_exhaustive()
    }
}

/// What a module is, by the interface that it exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Transform,
    Keyed,
    Aggregate,
    Cogroup,
    Enrich,
}

impl Kind {
    pub const ALL: [Self; 5] = [Self::Transform, Self::Keyed, Self::Aggregate, Self::Cogroup, Self::Enrich];

    /// The interface, without package and version.
    pub fn name(self) -> &'static str {
        match self {
            Self::Transform => "transform",
            Self::Keyed => "keyed",
            Self::Aggregate => "aggregate",
            Self::Cogroup => "cogroup",
            Self::Enrich => "enrich",
        }
    }
}

/// With its article, as it stands in a sentence.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Transform => "a transform",
            Self::Keyed => "a keyed operator",
            Self::Aggregate => "an aggregate",
            Self::Cogroup => "a cogroup",
            Self::Enrich => "an enrich operator",
        })
    }
}

/// Where the functions of a module's kind are in its instances.
pub(crate) enum Exports {
    Transform(transform::GuestIndices),
    Keyed(keyed::GuestIndices),
    Aggregate(aggregate::GuestIndices),
    Cogroup(cogroup::GuestIndices),
    Enrich(enrich::GuestIndices),
}

/// What an aggregate may export besides.
const RETRACTABLE: &str = "retractable";
/// What any kind may export besides.
const TABLES: &str = "tables";
const MIGRATE: &str = "migrate";
const PACKAGE: &str = "pelton:operator/";
const VERSION: &str = "@0.1.0";
const WASM_PAGE_BYTES: u64 = 64 << 10;

impl Module {
    /// Checks and compiles `bytes`; `limits` bounds their number.
    pub fn load(runtime: &Arc<Runtime>, bytes: &[u8], limits: &Limits) -> Result<Self, LoadError> {
        if bytes.len() as u64 > limits.module_bytes {
            return Err(LoadError::TooLarge { max: limits.module_bytes });
        }
        let digest = ModuleDigest(*blake3::hash(bytes).as_bytes());
        let (unpacked, packaging) = packaging::unpack(bytes)?;
        let engine = &runtime.timed().engine;
        let component = runtime.timed().compile(&digest, &unpacked)?;
        let (imports, exports) = interfaces(engine, &component);
        check_imports(&imports, &exports)?;
        let kind = kind(&exports)?;
        check_resources(&component, limits)?;
        let timed = Linked::new(engine, &component, kind, &exports)?;
        Ok(Self {
            digest,
            packaging,
            bytes: bytes.len(),
            imports,
            exports,
            runtime: Arc::clone(runtime),
            component: Arc::from(&*unpacked),
            timed,
            metered: OnceLock::new(),
        })
    }

    /// What instances are made of whose calls are metered so.
    pub(crate) fn linked(&self, metering: Metering) -> Result<&Linked, CallError> {
        match metering {
            Metering::Time => Ok(&self.timed),
            Metering::Instructions => {
                let link = || self.link_metered().map_err(|error| error.to_string());
                self.metered.get_or_init(link).as_ref().map_err(|reason| CallError::Instantiate(reason.clone()))
            }
        }
    }

    fn link_metered(&self) -> Result<Linked, LoadError> {
        let machine = self.runtime.metered()?;
        let component = machine.compile(&self.digest, &self.component)?;
        Linked::new(&machine.engine, &component, self.kind(), &self.exports)
    }

    pub fn kind(&self) -> Kind {
        match self.timed.exported {
            Exports::Transform(_) => Kind::Transform,
            Exports::Keyed(_) => Kind::Keyed,
            Exports::Aggregate(_) => Kind::Aggregate,
            Exports::Cogroup(_) => Kind::Cogroup,
            Exports::Enrich(_) => Kind::Enrich,
        }
    }

    /// It exports `tables`: it may ask for side inputs.
    pub fn takes_tables(&self) -> bool {
        self.timed.tables.is_some()
    }

    /// It exports `migrate`: it reads state of other versions of itself.
    pub fn migrates(&self) -> bool {
        self.timed.migrate.is_some()
    }
}

impl Linked {
    fn new(engine: &Engine, component: &Component, kind: Kind, exports: &[String]) -> Result<Self, LoadError> {
        let linker = link(engine, component).map_err(invalid)?;
        let pre = linker.instantiate_pre(component).map_err(invalid)?;
        let exported = match kind {
            Kind::Transform => transform::GuestIndices::new(&pre).map(Exports::Transform),
            Kind::Keyed => keyed::GuestIndices::new(&pre).map(Exports::Keyed),
            Kind::Aggregate => aggregate::GuestIndices::new(&pre).map(Exports::Aggregate),
            Kind::Cogroup => cogroup::GuestIndices::new(&pre).map(Exports::Cogroup),
            Kind::Enrich => enrich::GuestIndices::new(&pre).map(Exports::Enrich),
        };
        let exported = exported.map_err(invalid)?;
        let has = |name: &str| exports.contains(&interface(name));
        let tables = has(TABLES).then(|| tables::GuestIndices::new(&pre)).transpose().map_err(invalid)?;
        let migrate = has(MIGRATE).then(|| migrate::GuestIndices::new(&pre)).transpose().map_err(invalid)?;
        let retracts = kind == Kind::Aggregate && has(RETRACTABLE);
        let retractable = retracts.then(|| retractable::GuestIndices::new(&pre)).transpose().map_err(invalid)?;
        Ok(Self { engine: engine.clone(), pre, exported, tables, migrate, retractable })
    }
}

fn invalid(error: wasmtime::Error) -> LoadError {
    LoadError::Invalid(format!("{error:#}"))
}

fn interfaces(engine: &Engine, component: &Component) -> (Vec<String>, Vec<String>) {
    let ty = component.component_type();
    let imports = ty.imports(engine).map(|(name, _)| name.to_owned()).collect();
    let exports = ty.exports(engine).map(|(name, _)| name.to_owned()).collect();
    (imports, exports)
}

/// `state` is for keyed operators alone.
fn check_imports(imports: &[String], exports: &[String]) -> Result<(), LoadError> {
    let is_keyed = exports.contains(&interface(Kind::Keyed.name()));
    let allowed = |name: &str| match name.strip_prefix(PACKAGE).and_then(|name| name.strip_suffix(VERSION)) {
        Some("log" | "types") => true,
        Some("state") => is_keyed,
        _ => wasi::is_inert(name),
    };
    match imports.iter().find(|name| !allowed(name)) {
        Some(name) => Err(LoadError::Import(name.clone())),
        None => Ok(()),
    }
}

fn interface(name: &str) -> String {
    format!("{PACKAGE}{name}{VERSION}")
}

/// A component exports exactly one kind of operator.
fn kind(exports: &[String]) -> Result<Kind, LoadError> {
    let exported = |kind: &str| exports.contains(&interface(kind));
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| exported(kind.name())).collect();
    match kinds.as_slice() {
        [] => Err(LoadError::NoOperator { exports: exports.to_vec() }),
        [kind] => Ok(*kind),
        _ => Err(LoadError::SeveralKinds { exports: exports.to_vec() }),
    }
}

/// Refuses a component whose instances could not fit their limits, before one is made.
fn check_resources(component: &Component, limits: &Limits) -> Result<(), LoadError> {
    let Some(needs) = component.resources_required() else {
        return Err(LoadError::Resources {
            what: "core modules that it imports".into(),
            max: CORE_INSTANCES_MAX.to_string(),
        });
    };
    if needs.num_memories > MEMORIES_MAX {
        return Err(LoadError::Resources {
            what: format!("{} memories", needs.num_memories),
            max: MEMORIES_MAX.to_string(),
        });
    }
    // Counted in pages.
    let bytes = needs.max_initial_memory_size.unwrap_or(0).saturating_mul(WASM_PAGE_BYTES);
    if bytes > limits.memory_bytes {
        return Err(LoadError::Resources {
            what: format!("{} of memory (`memory-bytes`)", show_bytes(bytes)),
            max: show_bytes(limits.memory_bytes),
        });
    }
    Ok(())
}

fn link(engine: &Engine, component: &Component) -> wasmtime::Result<Linker<Host>> {
    let mut linker = Linker::new(engine);
    types::add_to_linker::<_, HasSelf<_>>(&mut linker, |host| host)?;
    log::add_to_linker::<_, HasSelf<_>>(&mut linker, |host| host)?;
    state::add_to_linker::<_, HasSelf<_>>(&mut linker, |host| host)?;
    for (name, item) in component.component_type().imports(engine) {
        if let ComponentItem::ComponentInstance(instance) = item.ty
            && wasi::is_inert(name)
        {
            wasi::link(&mut linker.instance(name)?, name, &instance, engine)?;
        }
    }
    Ok(linker)
}
