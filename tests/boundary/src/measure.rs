//! Interleaved measurement: every case runs a little in every round, forwards and backwards in turn.
//!
//! Time is what the calling thread spent on a processor: every call is synchronous, so that is all of its cost, and a
//! busy neighbour's turn on the processor is not in it. What a neighbour does to caches and clock rates disturbs all
//! cases of a round, and the median over rounds forgets it. Ratios are taken within a round.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use wasmtime::Result;
use wasmtime::error::Context;

/// Rounds, odd so that the median is one of them; the first round's warm-up is not counted.
const ROUNDS: usize = 9;

/// How long a case runs in one round.
const SLICE: Duration = Duration::from_millis(5);

/// Processor time of this thread.
pub fn thread_time() -> Duration {
    processor_time(ClockId::ThreadCPUTime)
}

/// Processor time of all threads.
pub fn process_time() -> Duration {
    processor_time(ClockId::ProcessCPUTime)
}

fn processor_time(clock: ClockId) -> Duration {
    Duration::try_from(clock_gettime(clock)).expect("processor time is not negative")
}

/// One thing to measure.
pub struct Case {
    pub id: String,
    /// Rows that one call handles; the figure is time for each row.
    rows: usize,
    call: Box<dyn FnMut() -> Result<()>>,
    calls: usize,
    /// Nanoseconds a row, one for each round.
    samples: Vec<f64>,
}

impl Case {
    /// `call` handles `rows` rows, of another batch each time.
    pub fn new(id: String, rows: usize, call: impl FnMut() -> Result<()> + 'static) -> Self {
        Self { id, rows, call: Box::new(call), calls: 1, samples: Vec::new() }
    }

    /// Warms up, and finds how many calls fill a slice.
    fn calibrate(&mut self) -> Result<()> {
        let start = thread_time();
        let mut calls = 0_usize;
        while calls < 3 || thread_time() - start < SLICE * 2 {
            (self.call)()?;
            calls += 1;
        }
        self.calls = calls.div_ceil(2);
        Ok(())
    }

    fn sample(&mut self) -> Result<()> {
        let start = thread_time();
        for _ in 0..self.calls {
            (self.call)()?;
        }
        let spent = thread_time() - start;
        self.samples.push(spent.as_nanos() as f64 / (self.calls * self.rows) as f64);
        Ok(())
    }

    /// Nanoseconds a row.
    pub fn figure(&self) -> Figure {
        Figure::of(self.samples.clone())
    }

    /// This case's time by `other`'s, round by round.
    pub fn ratio(&self, other: &Self) -> Figure {
        Figure::of(self.samples.iter().zip(&other.samples).map(|(own, other)| own / other).collect())
    }
}

/// Runs all cases, every one in every round.
pub fn run(cases: &mut [Case]) -> Result<()> {
    for case in cases.iter_mut() {
        case.calibrate().with_context(|| format!("failed to run `{}`", case.id))?;
    }
    for round in 0..ROUNDS {
        if round % 2 == 0 {
            cases.iter_mut().try_for_each(Case::sample)?;
        } else {
            cases.iter_mut().rev().try_for_each(Case::sample)?;
        }
    }
    Ok(())
}

/// A median and how far the middle half of the samples lies around it.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    pub median: f64,
    /// Distance of the quartiles, as a part of the median.
    pub spread: f64,
}

impl Figure {
    pub fn of(mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        let at =
            |quarter: usize| samples.get((samples.len().saturating_sub(1)) * quarter / 4).copied().unwrap_or(f64::NAN);
        Self { median: at(2), spread: (at(3) - at(1)) / at(2) }
    }

    /// Repeats something short; seconds.
    pub fn seconds<T>(repeats: usize, mut run: impl FnMut() -> Result<T>) -> Result<Self> {
        let mut samples = Vec::with_capacity(repeats);
        for _ in 0..repeats {
            let start = thread_time();
            let made = run()?;
            samples.push((thread_time() - start).as_secs_f64());
            drop(made);
        }
        Ok(Self::of(samples))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_forgets_one_disturbed_round() {
        let figure = Figure::of(vec![2.0, 1.0, 900.0, 1.5, 2.5]);
        assert_eq!(figure.median, 2.0);
        assert_eq!(figure.spread, 0.5);
    }
}
