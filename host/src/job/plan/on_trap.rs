//! Where `on-trap` is of use: operators whose rows can be told apart, and jobs that can keep dead letters.
//!
//! Called for each operator before its modules are opened. What cannot be is reported at its place.

use pelton_core::{
    job::{OperatorSpec, operator_of},
    poison::Fate,
};

use super::build::Builder;
use crate::error::Code;

impl Builder<'_> {
    pub(super) fn check_on_trap(&mut self, spec: &OperatorSpec) {
        let Some(fate) = spec.on_trap.fate().filter(|_| operator_of(&spec.name) == spec.name) else { return };
        let place = format!("operator.{}.on-trap", spec.name);
        let mut wrong = |what: &str, label: &str, help: &str| {
            let message = format!("operator `{}` has `on-trap`, but {what}", spec.name);
            self.mistakes.push(&place, Code::WrongValue, message, label, Some(help.to_owned()));
        };
        if spec.modules.is_empty() {
            let help = "take it out: only modules trap";
            wrong("it has no module", "not here", help);
        } else if fate == Fate::DeadLetter && self.file.spec.checkpoint.is_none() {
            let help = "name one: checkpoint = \"state\"; or use `on-trap = \"skip\"`";
            wrong("the job has no `checkpoint` to keep dead letters in", "nowhere to keep them", help);
        }
    }
}
