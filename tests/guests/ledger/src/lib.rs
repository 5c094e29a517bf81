//! The module of the tests of keyed operators: rows are commands to the state of their key.
//!
//! `tests/keyed` runs it beside a naive evaluator of the same commands ([`command::Command`]). It is written against `wit/` alone,
//! without the SDK, so that a mistake of the SDK cannot hide one of the host. Slow on purpose.

mod bindings {
    wit_bindgen::generate!({ path: "../../../wit", world: "keyed-operator", generate_all, pub_export_macro: true });
}
mod answer;
mod command;
mod contract;
mod key;
mod table;

use crate::{
    answer::Answer,
    bindings::exports::pelton::operator::keyed::{
        BatchContext, Contract, Failure, Guest as Keyed, Input, KeyedOutput, Table, Timers,
    },
    command::Command,
    key::{Key, State},
};

struct Guest;

impl Keyed for Guest {
    fn open(inputs: Vec<Input>, _options: String) -> Result<Contract, String> {
        let [input] = inputs.as_slice() else { return Err(format!("{} inputs, not one", inputs.len())) };
        Ok(contract::contract(input))
    }

    fn process(
        _: BatchContext,
        rows: Table,
        ends: Vec<u8>,
        _: Table,
        state: Vec<Table>,
        due: Timers,
        expiring: Vec<u8>,
    ) -> Result<KeyedOutput, Failure> {
        process(&rows, &ends, &state, &due, &expiring).ok_or_else(|| Failure::Fatal("not as agreed".to_owned()))
    }
}

/// None: the arguments are not as the contract has them.
fn process(rows: &Table, ends: &[u8], state: &[Table], due: &Timers, expiring: &[u8]) -> Option<KeyedOutput> {
    let (commands, amounts) = (table::texts(rows, 0)?, table::numbers(rows, 1)?);
    let times = table::numbers(rows, 2)?;
    let totals = table::numbers(state.first()?, 0)?;
    let mut answer = Answer::default();
    let mut row = 0_usize;
    for (index, end) in table::words(ends).into_iter().enumerate() {
        let mut key = Key::new(index as u32, State { total: *totals.get(index)? });
        let first = row;
        while row < end as usize {
            let command = Command::read(commands.get(row)?)?;
            key.obey(command, row as u32, (*amounts.get(row)?)?, (*times.get(row)?)?, &mut answer);
            row += 1;
        }
        let mut is_called_for_nothing = first == row;
        let timers = table::words(&due.key).into_iter().zip(table::words(&due.ids));
        for ((_, id), at) in timers.zip(table::longs(&due.at)).filter(|((owner, _), _)| *owner == index as u32) {
            key.fires(id, at, &mut answer);
            is_called_for_nothing = false;
        }
        if expiring.get(index) == Some(&1) {
            key.ends(&mut answer);
            is_called_for_nothing = false;
        }
        if is_called_for_nothing {
            key.idles(&mut answer);
        }
        key.leave(&mut answer);
    }
    Some(answer.into_output())
}

mod exported {
    #![expect(unsafe_code, reason = "generated: the canonical ABI's exported functions")]
    crate::bindings::export!(Guest with_types_in crate::bindings);
    use crate::Guest;
}
