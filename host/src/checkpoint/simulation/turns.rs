//! Whose turn it is: of several processes one runs at a time, and the seed says which goes on at each operation.
//!
//! Each process is a thread that waits for its turn. Invariant: what happens is a function of the seed, whatever the machine does with threads.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rand::{Rng, SeedableRng, rngs::SmallRng};

struct Table {
    random: SmallRng,
    /// Those that have not ended.
    there: Vec<usize>,
    running: usize,
    /// How often an operation lets somebody else go first.
    likely: f64,
}

impl Table {
    fn draw(&mut self) {
        self.running = self.there[self.random.random_range(0..self.there.len())];
    }
}

/// The right of a process to run, which it asks for before each operation.
#[derive(Clone)]
pub(in crate::checkpoint) struct Turn {
    table: Arc<(Mutex<Table>, Condvar)>,
    number: usize,
}

impl Turn {
    /// For so many processes.
    pub(super) fn deal(processes: usize, seed: u64) -> Vec<Self> {
        let mut random = SmallRng::seed_from_u64(seed);
        let likely = [0.02, 0.1, 0.5][random.random_range(0..3)];
        let running = random.random_range(0..processes);
        let table = Table { random, there: (0..processes).collect(), running, likely };
        let table = Arc::new((Mutex::new(table), Condvar::new()));
        (0..processes).map(|number| Self { table: Arc::clone(&table), number }).collect()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, table: MutexGuard<'_, Table>) {
        let waited = self.table.1.wait_while(table, |table| table.running != self.number);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Waits for the first turn.
    pub(super) fn begin(&self) {
        self.wait(self.table());
    }

    /// An operation comes: perhaps others do theirs first.
    pub(in crate::checkpoint) fn pass(&self) {
        let mut table = self.table();
        let likely = table.likely;
        if table.there.len() < 2 || !table.random.random_bool(likely) {
            return;
        }
        table.draw();
        if table.running != self.number {
            self.table.1.notify_all();
            self.wait(table);
        }
    }

    /// The process has ended.
    pub(super) fn end(&self) {
        let mut table = self.table();
        table.there.retain(|number| *number != self.number);
        if !table.there.is_empty() {
            table.draw();
            self.table.1.notify_all();
        }
    }
}
