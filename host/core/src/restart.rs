//! When a failed job is started again, and when it is given up.
//!
//! `pelton run` asks after each failure. The strategies are those of Flink: a fixed delay, an exponential one with jitter that is
//! reset by a quiet time, and a bound on the failures within an interval.

use std::{collections::VecDeque, time::Duration};

/// What a job file says.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum RestartSpec {
    /// A failure ends the job.
    #[default]
    None,
    /// After `delay`, `attempts` times in all.
    Fixed { delay: Duration, attempts: u32 },
    /// After `initial`, and then after ever longer delays up to `most`, each changed at random by up to a share of `jitter`. It begins anew
    /// after `quiet` without a failure.
    Exponential { initial: Duration, most: Duration, multiplier: f64, jitter: f64, quiet: Duration },
    /// After `delay`, unless there have been more than `failures` within `interval`.
    FailureRate { failures: u32, interval: Duration, delay: Duration },
}

/// A delay as people are told of it: 0.02 s are no "0.0 s".
pub fn shown(delay: Duration) -> String {
    let ms = delay.as_millis();
    if ms < 1_000 { format!("{ms} ms") } else { format!("{:.1} s", delay.as_secs_f64()) }
}

/// What is known of the failures so far.
#[derive(Debug)]
pub struct Restarts {
    spec: RestartSpec,
    /// When they happened, as time since the job was first started; as many as the strategy asks for.
    failures: VecDeque<Duration>,
    count: u32,
    /// Of the exponential strategy.
    delay: Duration,
}

impl Restarts {
    pub fn new(spec: RestartSpec) -> Self {
        let delay = match &spec {
            RestartSpec::Exponential { initial, .. } => *initial,
            _ => Duration::ZERO,
        };
        Self { spec, failures: VecDeque::new(), count: 0, delay }
    }

    /// The job failed at `now`, counted from its first start: after which delay it is started again. None: it is given up.
    /// `random` is between 0 and 1.
    pub fn failed(&mut self, now: Duration, random: f64) -> Option<Duration> {
        let last = self.failures.back().copied();
        self.count = self.count.saturating_add(1);
        self.failures.push_back(now);
        match self.spec {
            RestartSpec::None => None,
            RestartSpec::Fixed { delay, attempts } => (self.count <= attempts).then_some(delay),
            RestartSpec::Exponential { initial, most, multiplier, jitter, quiet } => {
                if last.is_some_and(|last| now.saturating_sub(last) > self.delay.saturating_add(quiet)) {
                    self.delay = initial;
                }
                let delay = self.delay.min(most);
                self.delay = delay.mul_f64(multiplier).min(most);
                self.failures.clear();
                self.failures.push_back(now);
                Some(delay.mul_f64((1.0 + jitter * (2.0 * random - 1.0)).max(0.0)))
            }
            RestartSpec::FailureRate { failures, interval, delay } => {
                while self.failures.front().is_some_and(|first| now.saturating_sub(*first) > interval) {
                    self.failures.pop_front();
                }
                (self.failures.len() <= failures as usize).then_some(delay)
            }
        }
    }

    /// Failures so far.
    pub fn count(&self) -> u32 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_shown_in_a_unit_that_tells_them() {
        let shown = |ms| super::shown(Duration::from_millis(ms));
        assert_eq!([0, 20, 999, 1_000, 61_250].map(shown), ["0 ms", "20 ms", "999 ms", "1.0 s", "61.2 s"]);
    }

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn without_a_strategy_the_first_failure_is_the_last() {
        assert_eq!(Restarts::new(RestartSpec::None).failed(seconds(5), 0.5), None);
    }

    #[test]
    fn a_fixed_delay_is_tried_so_many_times() {
        let mut restarts = Restarts::new(RestartSpec::Fixed { delay: seconds(2), attempts: 2 });
        let answers: Vec<_> = (1..5).map(|at| restarts.failed(seconds(at), 0.0)).collect();
        assert_eq!(answers, [Some(seconds(2)), Some(seconds(2)), None, None]);
    }

    #[test]
    fn an_exponential_delay_grows_to_its_bound_and_begins_anew_after_a_quiet_time() {
        let spec = RestartSpec::Exponential {
            initial: seconds(1),
            most: seconds(5),
            multiplier: 2.0,
            jitter: 0.1,
            quiet: seconds(60),
        };
        let mut restarts = Restarts::new(spec);
        let middle = |restarts: &mut Restarts, at| restarts.failed(seconds(at), 0.5).unwrap();
        let delays: Vec<_> = [10, 20, 30, 40, 50].map(|at| middle(&mut restarts, at)).into();
        assert_eq!(delays, [1, 2, 4, 5, 5].map(seconds));
        assert_eq!(middle(&mut restarts, 200), seconds(1), "nothing failed for a minute and the delay");
        let (least, most) = (restarts.failed(seconds(201), 0.0).unwrap(), restarts.failed(seconds(202), 1.0).unwrap());
        assert_eq!((least, most), (seconds(2).mul_f64(0.9), seconds(4).mul_f64(1.1)));
    }

    #[test]
    fn a_failure_rate_gives_up_when_failures_crowd() {
        let mut restarts = Restarts::new(RestartSpec::FailureRate {
            failures: 2,
            interval: seconds(10),
            delay: Duration::from_millis(1),
        });
        let again = |restarts: &mut Restarts, at| restarts.failed(seconds(at), 0.0).is_some();
        let answers = [0, 5, 11, 16, 17].map(|at| again(&mut restarts, at));
        assert_eq!(answers, [true, true, true, true, false], "three within ten seconds are too many");
    }
}
