//! Canonical order, restored: what the threads of a run say, in whatever order they say it, is taken task by task and epoch by epoch.
//!
//! Called on the thread that takes the results, of a run and of a replay. A failure counts when its turn comes: what stands before it in
//! canonical order is taken first, so that the same input always fails with the same error.

use std::collections::{HashMap, VecDeque};

use crossbeam_channel::Receiver;

use super::{
    RunError,
    error::Failure,
    output::{ClosedEpoch, Message, SinkPart, TaskDone},
    turn::Turn,
};

/// What comes next in canonical order.
pub(super) enum Step {
    /// Output of the task whose turn it is; more follows.
    Part(Vec<SinkPart>),
    /// The rest of it.
    Done(Box<TaskDone>),
    /// All tasks of an epoch were taken.
    Epoch(Box<ClosedEpoch>),
}

enum Said {
    Step(Step),
    Failed(Box<RunError>),
}

/// Gives every step to `take`, with the number of the task whose turn it is, until the planner's end or the first failure.
pub(super) fn in_order(
    messages: &Receiver<Message>,
    permits: &Receiver<()>,
    turn: &Turn,
    take: &mut dyn FnMut(u64, Step) -> Result<(), Failure>,
) -> Result<(), Failure> {
    // The oldest task that has not been taken, and what others have said that are ahead of it.
    let mut current = 0;
    let mut ahead: HashMap<u64, Vec<Said>> = HashMap::new();
    let mut closed: VecDeque<Box<ClosedEpoch>> = VecDeque::new();
    let mut end: Option<(u64, Option<Box<RunError>>)> = None;
    while !(closed.is_empty() && end.as_ref().is_some_and(|(end, _)| *end == current)) {
        match messages.recv().map_err(|_| Failure::Lost)? {
            Message::Part { sequence, parts } => {
                ahead.entry(sequence).or_default().push(Said::Step(Step::Part(parts)));
            }
            Message::Done { sequence, done } => {
                ahead.entry(sequence).or_default().push(Said::Step(Step::Done(done)));
            }
            Message::Failed { sequence, error } => ahead.entry(sequence).or_default().push(Said::Failed(error)),
            Message::EpochClosed(epoch) => closed.push_back(epoch),
            Message::InputEnded { end: at } => end = Some((at, None)),
            Message::PlannerFailed { end: at, error } => end = Some((at, Some(error))),
        }
        loop {
            while let Some(epoch) = closed.pop_front_if(|epoch| epoch.tasks.end <= current) {
                take(current, Step::Epoch(epoch))?;
            }
            let mut is_done = false;
            for said in ahead.remove(&current).unwrap_or_default() {
                match said {
                    Said::Failed(error) => return Err(Failure::Run(error)),
                    Said::Step(step) => {
                        is_done = matches!(step, Step::Done(_));
                        take(current, step)?;
                    }
                }
            }
            if !is_done {
                break;
            }
            current += 1;
            turn.advance(current);
            // The planner holds one permit for each task that it handed out.
            let _ = permits.try_recv();
        }
    }
    match end {
        Some((_, Some(error))) => Err(Failure::Run(error)),
        _ => Ok(()),
    }
}
