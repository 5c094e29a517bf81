//! Edge modes in a plan: who may read a stream of changes, and how it is refused to all others.
//!
//! Called where an operator or a sink is joined to its inputs. Invariant: what reads an output of a mode other than append has
//! said that it takes it: a module by its contract, a sink by writing the column `_op`.

use arrow::datatypes::Schema;
use pelton_core::{
    contract::{Mode, OP_COLUMN},
    job::{OperatorSpec, SinkSpec},
};

use super::{aggregate::Upstream, build::Builder};
use crate::error::Code;

const FACTS_HELP: &str =
    "let the operator before it emit each result once, with `emit = \"on-close\"`, or read it with a sink";
const UPDATES_HELP: &str = "let the operator before it emit changes, with `emit = { mode = \"retract\" }`, which aggregates take whose \
                            modules can take rows back; or emit each result once, with `emit = \"on-close\"`; or read it with a sink";

impl Builder<'_> {
    /// The mode of an operator's input. Its module says later whether it takes it; updates by key none can. None: something
    /// was reported.
    pub(super) fn input_mode(&mut self, place: &str, spec: &OperatorSpec, upstream: &Upstream) -> Option<Mode> {
        if let Some((name, mode)) = upstream.modes.iter().find(|(_, mode)| *mode == Mode::Upsert) {
            self.refuse_mode(place, spec, name, *mode);
            return None;
        }
        self.common_mode(place, &format!("operator `{}`", spec.name), &upstream.modes)
    }

    /// For operators that take facts alone. None: something was reported.
    pub(super) fn facts(&mut self, place: &str, spec: &OperatorSpec, upstream: &Upstream) -> Option<()> {
        match upstream.modes.iter().find(|(_, mode)| *mode != Mode::Append) {
            Some((name, mode)) => {
                self.refuse_mode(place, spec, name, *mode);
                None
            }
            None => Some(()),
        }
    }

    /// Reports that an operator reads an input in a mode that it does not take.
    pub(super) fn refuse_mode(&mut self, place: &str, spec: &OperatorSpec, input: &str, mode: Mode) {
        let (why, label, help) = match mode {
            Mode::Append => ("whose rows are facts, but it takes changes alone", "no changes", None),
            Mode::Upsert => (
                "whose rows replace earlier ones, and would count them again",
                "a stream of updates",
                Some(UPDATES_HELP),
            ),
            Mode::Retract => {
                ("whose rows take earlier ones back, which it does not take", "a stream of changes", Some(FACTS_HELP))
            }
        };
        let message = format!("operator `{}` reads `{input}`, {why}", spec.name);
        self.mistakes.push(place, Code::EdgeMode, message, label, help.map(str::to_owned));
    }

    /// A sink that reads changes must write what each row does. None: something was reported.
    pub(super) fn check_sink_mode(
        &mut self,
        place: &str,
        spec: &SinkSpec,
        inputs: &[usize],
        schema: &Schema,
    ) -> Option<()> {
        let inputs = inputs.iter().filter_map(|input| self.outputs.get(*input));
        let modes: Vec<_> = inputs.map(|output| (output.name.clone(), output.mode)).collect();
        let mode = self.common_mode(&format!("{place}.input"), &format!("sink `{}`", spec.name), &modes)?;
        let Some((name, _)) = modes.first().filter(|_| mode == Mode::Retract) else { return Some(()) };
        if schema.index_of(OP_COLUMN).is_ok() {
            return Some(());
        }
        let message = format!(
            "sink `{}` reads `{name}`, whose rows take earlier ones back, but leaves out the column `{OP_COLUMN}` that says which do",
            spec.name
        );
        let help = format!("add \"{OP_COLUMN}\" to `columns`, or leave `columns` out");
        self.mistakes.push(&format!("{place}.columns"), Code::EdgeMode, message, "without `_op`", Some(help));
        None
    }

    /// Changes and other rows do not mix: of the latter nothing says what they do. Facts and updates may leave by one sink.
    fn common_mode(&mut self, place: &str, reader: &str, modes: &[(String, Mode)]) -> Option<Mode> {
        let changes = modes.iter().find(|(_, mode)| *mode == Mode::Retract);
        let others = modes.iter().find(|(_, mode)| *mode != Mode::Retract);
        match (changes, others) {
            (Some((changes, _)), Some((other, _))) => {
                let message =
                    format!("{reader} reads `{changes}`, a stream of changes, together with `{other}`, which is none");
                let help = "read them with two operators or sinks".to_owned();
                self.mistakes.push(place, Code::EdgeMode, message, "of two modes", Some(help));
                None
            }
            (Some(_), None) => Some(Mode::Retract),
            (None, _) => Some(Mode::Append),
        }
    }
}
