//! When the results of an aggregating operator leave, and how those that replace others.
//!
//! Called by the planner of aggregates, before their modules are opened. Invariant: what is planned can be kept: results leave as
//! changes only from windows whose results keep their bounds, and rows are taken back only where the host knows from what.

use pelton_core::{
    contract::Mode,
    job::{Emission, OperatorSpec},
    window::{WindowKind, WindowSpec},
};

use super::mistakes::Mistakes;
use crate::error::Code;

/// When results leave, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaves {
    pub(super) emission: Emission,
    pub(super) mode: Mode,
}

const IN_PANES: &str = "tumbling and sliding windows can, and aggregates without a window";
const ONCE: &str = "let them leave once: without `lateness`, and with `emit = \"on-close\"`";

impl Leaves {
    /// Of an operator whose input has the mode `input`. None: something was reported.
    pub(super) fn of(
        mistakes: &mut Mistakes<'_>,
        place: &str,
        spec: &OperatorSpec,
        window: &WindowSpec,
        input: Mode,
    ) -> Option<Self> {
        let on_update = window.kind == WindowKind::Global;
        let emission = spec.emission.unwrap_or(if on_update { Emission::OnUpdate } else { Emission::OnClose });
        let replaces = emission != Emission::OnClose || window.lateness > 0;
        let over_changes = input == Mode::Retract;
        let mode = match spec.mode {
            Some(Mode::Retract) => Mode::Retract,
            None if replaces && over_changes => Mode::Retract,
            _ if replaces => Mode::Upsert,
            _ => Mode::Append,
        };
        let Some((key, what, label, help)) = fault(spec, window, over_changes, replaces, mode) else {
            return Some(Self { emission, mode });
        };
        let message = format!("operator `{}` {what}", spec.name);
        mistakes.push(&format!("{place}.{key}"), Code::EdgeMode, message, label, Some(help.to_owned()));
        None
    }
}

/// What cannot be: the key at fault, the message, the label and the help.
fn fault(
    spec: &OperatorSpec,
    window: &WindowSpec,
    over_changes: bool,
    replaces: bool,
    mode: Mode,
) -> Option<(&'static str, &'static str, &'static str, &'static str)> {
    match window.kind {
        WindowKind::Session { .. } | WindowKind::Count { .. } if over_changes => {
            let what = "reads a stream of changes, but its windows cannot take rows back: which rows are in one depends on the others";
            Some(("window", what, "cannot take rows back", IN_PANES))
        }
        WindowKind::Session { .. } | WindowKind::Count { .. } if mode == Mode::Retract => {
            let what =
                "is to emit changes, but its windows cannot: which rows are in one is not settled until it closes";
            Some(("emit", what, "not with these windows", IN_PANES))
        }
        _ if over_changes && mode == Mode::Upsert => {
            let what =
                "reads a stream of changes, and is to emit updates, which cannot say that a group has no rows left";
            let help = "let it emit changes too: `mode = \"retract\"`, or leave `mode` out";
            Some(("emit", what, "not over changes", help))
        }
        WindowKind::Sliding { length, slide, .. }
            if length != slide && replaces && (over_changes || window.inverse) =>
        {
            let what = if over_changes {
                "reads a stream of changes, but its sliding windows leave more than once"
            } else {
                "takes rows back from its windows, but they leave more than once"
            };
            Some((if spec.emission.is_some() { "emit" } else { "window" }, what, "more than once", ONCE))
        }
        _ => None,
    }
}
