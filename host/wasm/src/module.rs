//! A module, loaded: recognised, checked for what it imports, exports and needs, compiled, and linked.

use std::sync::Arc;

use pelton_core::{
    limits::{Limits, show_bytes},
    model::ModuleDigest,
};
use wasmtime::component::{Component, Linker, types::ComponentItem};

use crate::{
    bindings::{self, TransformOperatorPre},
    engine::{CORE_INSTANCES_MAX, MEMORIES_MAX, Runtime},
    error::LoadError,
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
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) pre: TransformOperatorPre<Host>,
}

impl std::fmt::Debug for Module {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Module").field("digest", &self.digest).finish_non_exhaustive()
    }
}

/// The kinds of operator, by the interface that a component exports.
const KINDS: [&str; 5] = ["transform", "keyed", "aggregate", "cogroup", "enrich"];
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
        let (component, packaging) = packaging::unpack(bytes)?;
        let component = runtime.compile(&digest, &component)?;
        let (imports, exports) = interfaces(runtime, &component);
        check_imports(&imports)?;
        check_exports(&exports)?;
        check_resources(&component, limits)?;
        let linker = link(runtime, &component).map_err(|error| LoadError::Invalid(format!("{error:#}")))?;
        let pre = linker
            .instantiate_pre(&component)
            .and_then(TransformOperatorPre::new)
            .map_err(|error| LoadError::Invalid(format!("{error:#}")))?;
        Ok(Self { digest, packaging, bytes: bytes.len(), imports, exports, runtime: Arc::clone(runtime), pre })
    }
}

fn interfaces(runtime: &Runtime, component: &Component) -> (Vec<String>, Vec<String>) {
    let ty = component.component_type();
    let imports = ty.imports(&runtime.engine).map(|(name, _)| name.to_owned()).collect();
    let exports = ty.exports(&runtime.engine).map(|(name, _)| name.to_owned()).collect();
    (imports, exports)
}

fn check_imports(imports: &[String]) -> Result<(), LoadError> {
    let allowed = |name: &str| {
        matches!(name.strip_prefix(PACKAGE).and_then(|name| name.strip_suffix(VERSION)), Some("log" | "types"))
            || wasi::is_inert(name)
    };
    match imports.iter().find(|name| !allowed(name)) {
        Some(name) => Err(LoadError::Import(name.clone())),
        None => Ok(()),
    }
}

fn check_exports(exports: &[String]) -> Result<(), LoadError> {
    let exported = |kind: &&str| exports.iter().any(|name| *name == format!("{PACKAGE}{kind}{VERSION}"));
    match KINDS.iter().copied().find(|kind| exported(kind)) {
        Some("transform") => Ok(()),
        Some(kind) => Err(LoadError::KindNotYet(format!("{PACKAGE}{kind}{VERSION}"))),
        None => Err(LoadError::NoOperator { exports: exports.to_vec() }),
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

fn link(runtime: &Runtime, component: &Component) -> wasmtime::Result<Linker<Host>> {
    let mut linker = Linker::new(&runtime.engine);
    bindings::TransformOperator::add_to_linker::<_, wasmtime::component::HasSelf<_>>(&mut linker, |host| host)?;
    for (name, item) in component.component_type().imports(&runtime.engine) {
        if let ComponentItem::ComponentInstance(instance) = item.ty
            && wasi::is_inert(name)
        {
            wasi::link(&mut linker.instance(name)?, name, &instance, &runtime.engine)?;
        }
    }
    Ok(linker)
}
