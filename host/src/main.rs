//! The `pelton` binary.

use std::process::ExitCode;

/// Batches are allocated and freed on every call: an allocator that keeps its pages saves their faults.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    pelton::cli::main()
}
