//! The wasmtime engine of this process: its configuration, its ticker and its compile cache.
//!
//! One [`Runtime`] serves all jobs. The configuration is that of an engine that runs hostile code: no threads,
//! no garbage collection, no component-model async, deterministic floats, bounded pools.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use wasmparser::WasmFeatures;
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, Strategy, WasmBacktraceDetails,
    component::Component,
};

use pelton_core::model::ModuleDigest;

use crate::{apart::Compiler, cache::CompileCache, error::LoadError, ticker::Ticker};

/// Instances that may live at once in one process.
const INSTANCES_MAX: u32 = 1_000;
/// Core instances, memories and tables of one component: Python needs 38, 3 and a handful.
pub(crate) const CORE_INSTANCES_MAX: u32 = 64;
pub(crate) const MEMORIES_MAX: u32 = 8;
pub(crate) const TABLES_MAX: u32 = 32;
pub(crate) const TABLE_ELEMENTS_MAX: usize = 100_000;
/// Address space of one memory; what a module may use of it is its limit.
const MEMORY_RESERVATION: usize = 4 << 30;
const STACK_BYTES: usize = 1 << 20;

#[derive(Debug, Clone, Default)]
pub struct RuntimeOptions {
    /// Where compiled modules are kept; none: nowhere.
    pub cache_dir: Option<PathBuf>,
}

/// Compiles modules and makes instances. Cheap to share.
pub struct Runtime {
    options: RuntimeOptions,
    compiler: Option<Compiler>,
    timed: Machine,
    /// Made when it is first needed; or why it cannot be made.
    metered: OnceLock<Result<Machine, String>>,
}

/// What ends a call that goes on for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Metering {
    /// Its wall time: what it comes to depends on how fast the machine is, and how busy.
    #[default]
    Time,
    /// Its instructions, more of them than any machine carries out in that time: what it comes to depends on its input alone.
    Instructions,
}

/// An engine with its ticker and its part of the compile cache.
pub(crate) struct Machine {
    pub(crate) engine: Engine,
    cache: Option<CompileCache>,
    /// None: it compiles here.
    compiler: Option<Compiler>,
    metering: Metering,
    _ticker: Ticker,
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime").finish_non_exhaustive()
    }
}

impl Runtime {
    pub fn new(options: &RuntimeOptions) -> Result<Arc<Self>, LoadError> {
        Self::with(options, None)
    }

    /// What is not in the compile cache is compiled by a process of its own; without a cache, here.
    pub fn compiling_apart(options: &RuntimeOptions, compiler: Compiler) -> Result<Arc<Self>, LoadError> {
        Self::with(options, Some(compiler))
    }

    fn with(options: &RuntimeOptions, compiler: Option<Compiler>) -> Result<Arc<Self>, LoadError> {
        let timed = Machine::new(options, compiler.clone(), Metering::Time)?;
        Ok(Arc::new(Self { options: options.clone(), compiler, timed, metered: OnceLock::new() }))
    }

    pub(crate) fn timed(&self) -> &Machine {
        &self.timed
    }

    /// For calls whose instructions are counted.
    pub(crate) fn metered(&self) -> Result<&Machine, LoadError> {
        let make = || {
            let machine = Machine::new(&self.options, self.compiler.clone(), Metering::Instructions);
            machine.map_err(|error| error.to_string())
        };
        self.metered.get_or_init(make).as_ref().map_err(|reason| LoadError::Runtime(reason.clone()))
    }
}

impl Machine {
    fn new(options: &RuntimeOptions, compiler: Option<Compiler>, metering: Metering) -> Result<Self, LoadError> {
        let engine = new_engine(metering).map_err(|error| LoadError::Runtime(format!("{error:#}")))?;
        let ticker = Ticker::start(&engine).map_err(|error| LoadError::Runtime(error.to_string()))?;
        let cache = options.cache_dir.as_ref().and_then(|path| {
            CompileCache::open(path, &engine)
                .inspect_err(|error| tracing::warn!(path = %path.display(), %error, "no compile cache"))
                .ok()
        });
        let compiler = compiler.filter(|_| cache.is_some());
        Ok(Self { engine, cache, compiler, metering, _ticker: ticker })
    }

    /// Compiles `component`, or finds it compiled.
    pub(crate) fn compile(&self, digest: &ModuleDigest, component: &[u8]) -> Result<Component, LoadError> {
        let known = || self.cache.as_ref().and_then(|cache| cache.load(digest, &self.engine));
        if let Some(found) = known() {
            return Ok(found);
        }
        if let Some(compiler) = &self.compiler {
            compiler.compile(digest, component, self.metering).map_err(|why| refusal(component, why))?;
            return known().ok_or_else(|| LoadError::Compile("the compile cache has lost it".into()));
        }
        let compiled = Component::from_binary(&self.engine, component);
        let compiled = compiled.map_err(|error| refusal(component, format!("{error:#}")))?;
        if let Some(cache) = &self.cache
            && let Err(error) = cache.store(digest, &compiled)
        {
            tracing::warn!(%digest, %error, "the compile cache cannot be written");
        }
        Ok(compiled)
    }
}

/// Compiles a component into the cache in `cache_dir`, for [`Runtime::compiling_apart`]: what the child process does. It makes no
/// instances, and reserves no memory for any.
pub fn compile_here(
    cache_dir: &Path,
    digest: &ModuleDigest,
    component: &[u8],
    metering: Metering,
) -> Result<(), String> {
    let mut config = config(metering);
    config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    let engine = Engine::new(&config).map_err(|error| format!("{error:#}"))?;
    let cache = CompileCache::open(cache_dir, &engine).map_err(|error| format!("no compile cache: {error}"))?;
    let compiled = Component::from_binary(&engine, component).map_err(|error| format!("{error:#}"))?;
    cache.store(digest, &compiled).map_err(|error| format!("the compile cache cannot be written: {error}"))
}

/// Tells what is no component at all from one that uses what is switched off here.
fn refusal(component: &[u8], why: String) -> LoadError {
    match wasmparser::Validator::new_with_features(WasmFeatures::all()).validate_all(component) {
        Ok(_) => LoadError::Compile(why),
        Err(invalid) => LoadError::Invalid(invalid.to_string()),
    }
}

pub(crate) fn new_engine(metering: Metering) -> wasmtime::Result<Engine> {
    Engine::new(&config(metering))
}

fn config(metering: Metering) -> Config {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::Speed)
        .cranelift_nan_canonicalization(true)
        .concurrency_support(false)
        .epoch_interruption(true)
        .max_wasm_stack(STACK_BYTES)
        .wasm_component_model(true)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        .wasm_backtrace_details(WasmBacktraceDetails::Enable)
        .memory_reservation(MEMORY_RESERVATION as u64)
        .consume_fuel(metering == Metering::Instructions)
        .allocation_strategy(match metering {
            Metering::Time => InstanceAllocationStrategy::Pooling(pool()),
            // Few calls are made there, and none in a hurry: no address space is set aside for them.
            Metering::Instructions => InstanceAllocationStrategy::OnDemand,
        });
    config
}

fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(INSTANCES_MAX)
        .max_component_instance_size(1 << 20)
        .total_core_instances(INSTANCES_MAX * 4)
        .max_core_instance_size(1 << 20)
        .max_core_instances_per_component(CORE_INSTANCES_MAX)
        .total_memories(INSTANCES_MAX * 2)
        .max_memories_per_component(MEMORIES_MAX)
        .max_memories_per_module(MEMORIES_MAX)
        .max_memory_size(MEMORY_RESERVATION)
        .linear_memory_keep_resident(8 << 20)
        .total_tables(INSTANCES_MAX * 4)
        .max_tables_per_component(TABLES_MAX)
        .max_tables_per_module(TABLES_MAX)
        .table_elements(TABLE_ELEMENTS_MAX)
        .table_keep_resident(64 << 10)
        .max_unused_warm_slots(100);
    pool
}
