//! What the module reads, makes and keeps.

use crate::bindings::exports::pelton::operator::keyed::{Contract, Input};
use crate::bindings::pelton::operator::types::{Field, OutputField, Port, StateTable};

pub const TOTAL: u32 = 0;
pub const LIST: u32 = 1;
pub const MAP: u32 = 2;

/// The key and the event time pass; `what` says why there is a row, `n` how much.
pub fn contract(input: &Input) -> Contract {
    let pass = |name: &String| OutputField::Pass((name.clone(), name.clone()));
    let key: Vec<_> = input.key.iter().map(pass).collect();
    let computed = [OutputField::Computed(field("what", "u", false)), OutputField::Computed(field("n", "l", false))];
    let out = key.iter().cloned().chain(input.event_time.iter().map(pass)).chain(computed);
    let pushed = key.iter().cloned().chain([OutputField::Pass(("x".into(), "x".into()))]);
    Contract {
        reads: vec![vec!["command".into(), "x".into(), "ts".into()]],
        ports: vec![
            Port { name: "out".into(), fields: out.collect(), event_time: None },
            Port { name: "pushed".into(), fields: pushed.collect(), event_time: None },
        ],
        tables: vec![],
        state: vec![
            StateTable { name: "total".into(), subkey: vec![], values: vec![field("total", "l", true)] },
            StateTable {
                name: "list".into(),
                subkey: vec![field("at", "l", false)],
                values: vec![field("x", "l", false)],
            },
            StateTable {
                name: "map".into(),
                subkey: vec![field("rest", "u", false)],
                values: vec![field("x", "l", false)],
            },
        ],
        state_version: 0,
        properties: vec![],
    }
}

fn field(name: &str, format: &str, nullable: bool) -> Field {
    Field { name: name.into(), format: format.into(), nullable, children: 0 }
}
