//! `pelton compile-module`, which nobody types: the process in which an engine has modules compiled.
//!
//! It reads a component from stdin, and leaves it compiled in the cache of this host. What it may take is set here, before the first
//! byte is read, and holds for all that the compiler does.

use std::io::Read;

use clap::Args;
use pelton_core::model::ModuleDigest;
use pelton_wasm::{Metering, compile_here};
use rustix::process::{Resource, Rlimit, setrlimit};

use super::{Context, Exit};

#[derive(Debug, Args)]
pub(super) struct CompileArgs {
    /// Bytes of address space.
    #[arg(long, value_name = "BYTES")]
    memory: u64,
    /// Seconds of a processor.
    #[arg(long, value_name = "SECONDS")]
    time: u64,
    /// For calls whose instructions are counted.
    #[arg(long)]
    metered: bool,
    #[arg(value_name = "DIGEST")]
    digest: ModuleDigest,
}

pub(super) fn compile(context: &Context, args: &CompileArgs) -> Exit {
    match compiled(context, args) {
        Ok(()) => Exit::Done,
        Err(why) => {
            context.terminal.message(&why);
            Exit::Refused
        }
    }
}

fn compiled(context: &Context, args: &CompileArgs) -> Result<(), String> {
    let cache = context.config.cache_dir.value.as_deref().ok_or("there is no compile cache")?;
    limit(Resource::As, args.memory)?;
    limit(Resource::Cpu, args.time)?;
    // The jobs of the engine come first.
    let _ = rustix::process::nice(10);
    let mut component = Vec::new();
    std::io::stdin().lock().read_to_end(&mut component).map_err(|error| format!("failed to read it: {error}"))?;
    let metering = if args.metered { Metering::Instructions } else { Metering::Time };
    compile_here(cache, &args.digest, &component, metering)
}

fn limit(resource: Resource, most: u64) -> Result<(), String> {
    let limit = Rlimit { current: Some(most), maximum: Some(most) };
    setrlimit(resource, limit).map_err(|error| format!("failed to limit what it may take: {error}"))
}
