//! Engines configured as the host's: pooled instances, canonical NaNs, synchronous calls; with deadlines or without.

use std::time::Duration;

use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Result, Store};

use crate::bindings::{Guest as Bindings, GuestPre};

/// Ticks until a call is interrupted; the clock ticks every [`TICK`]. Minutes, since a deadline is wall time, and on a
/// busy machine an innocent call may wait seconds for a processor.
const DEADLINE_TICKS: u64 = 60_000;
const TICK: Duration = Duration::from_millis(10);

/// Whether calls can be interrupted by the wall clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Deadlines {
    On,
    Off,
}

/// An engine; with deadlines, its clock ticks on a thread of its own until the process ends.
pub fn engine(deadlines: Deadlines) -> Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(256)
        .total_core_instances(4096)
        .total_memories(1000)
        .total_tables(2048)
        .max_core_instances_per_component(64)
        .max_memories_per_component(8)
        .max_tables_per_component(32)
        .max_tables_per_module(4)
        .max_component_instance_size(4 << 20)
        .max_core_instance_size(1 << 20)
        .table_elements(100_000)
        .max_memory_size(256 << 20)
        .linear_memory_keep_resident(256 << 10)
        .table_keep_resident(64 << 10);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .concurrency_support(false)
        .cranelift_nan_canonicalization(true)
        .epoch_interruption(deadlines == Deadlines::On);
    let engine = Engine::new(&config)?;
    if deadlines == Deadlines::On {
        let clock = engine.weak();
        std::thread::spawn(move || {
            while let Some(engine) = clock.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(TICK);
            }
        });
    }
    Ok(engine)
}

/// A compiled guest, ready for instances.
#[derive(Clone)]
pub struct Compiled {
    pre: GuestPre<()>,
    deadlines: Deadlines,
}

impl Compiled {
    /// Compiles `wasm`, a component of the world `guest`. Its imports trap: the benchmark's guests call none.
    pub fn new(engine: &Engine, deadlines: Deadlines, wasm: &[u8]) -> Result<Self> {
        let component = Component::new(engine, wasm)?;
        let mut linker = Linker::new(engine);
        linker.define_unknown_imports_as_traps(&component)?;
        Ok(Self { pre: GuestPre::new(linker.instantiate_pre(&component)?)?, deadlines })
    }

    /// A fresh instance in a store of its own.
    pub fn instantiate(&self) -> Result<Instance> {
        let mut store = Store::new(self.pre.engine(), ());
        set_deadline(&mut store, self.deadlines);
        let bindings = self.pre.instantiate(&mut store)?;
        Ok(Instance { store, bindings, deadlines: self.deadlines })
    }
}

pub struct Instance {
    store: Store<()>,
    bindings: Bindings,
    deadlines: Deadlines,
}

impl Instance {
    /// The store, with a new deadline, and the functions to call in it.
    pub fn enter(&mut self) -> (&mut Store<()>, &Bindings) {
        set_deadline(&mut self.store, self.deadlines);
        (&mut self.store, &self.bindings)
    }
}

fn set_deadline(store: &mut Store<()>, deadlines: Deadlines) {
    if deadlines == Deadlines::On {
        store.set_epoch_deadline(DEADLINE_TICKS);
    }
}
