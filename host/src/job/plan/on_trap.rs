//! Where `on-trap` is of use: operators whose rows can be told apart, and jobs that can keep dead letters.
//!
//! Called for each operator before its modules are opened. What cannot be is reported at its place.

use pelton_core::{
    job::{OperatorSpec, operator_of},
    poison::Fate,
    window::WindowKind,
};

use super::build::Builder;
use crate::error::Code;

impl Builder<'_> {
    pub(super) fn check_on_trap(&mut self, spec: &OperatorSpec) {
        let Some(fate) = spec.on_trap.fate().filter(|_| operator_of(&spec.name) == spec.name) else { return };
        let place = format!("operator.{}.on-trap", spec.name);
        let counts = spec.window.as_ref().is_some_and(|window| matches!(window.kind, WindowKind::Count { .. }));
        let mut wrong = |what: &str, label: &str, help: &str| {
            let message = format!("operator `{}` has `on-trap`, but {what}", spec.name);
            self.mistakes.push(&place, Code::WrongValue, message, label, Some(help.to_owned()));
        };
        if spec.join.is_some() {
            let help = "take it out: when a module of a join traps, the job fails";
            wrong("it is a join, whose rows come in pairs", "not here", help);
        } else if counts {
            let help = "take it out, or use a window by time: when the module traps, the job fails";
            wrong("its windows count rows, and a row less moves all others", "not here", help);
        } else if fate == Fate::DeadLetter && self.file.spec.checkpoint.is_none() {
            let help = "name one: checkpoint = \"state\"; or use `on-trap = \"skip\"`";
            wrong("the job has no `checkpoint` to keep dead letters in", "nowhere to keep them", help);
        }
    }
}
