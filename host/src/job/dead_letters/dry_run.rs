//! What operators would make of dead letters now, with nothing of it counting: neither the queue nor the job changes.
//!
//! Called by an engine, with the plan of the job as it is or as another module would make it. Each letter is a call of its own, of an
//! instance that the job does not know. Operators with state are left out: what they make of a row depends on their state.

use std::{collections::HashMap, sync::Arc};

use pelton_wasm::BatchContext;
use serde_json::{Value, json};

use super::{LettersError, Selection, is_meant, named, row_to_json};
use crate::{
    checkpoint::{Location, letters::Letter, letters::look},
    clock,
    job::{
        plan::{Logic, Plan},
        run::letters::fitting,
    },
    operator::{Operator, OperatorPlan, Processed, poison::Fault},
};

/// Letters that are tried at once.
pub const TRIED_MAX: usize = 1_000;

/// The operators of the letters that are meant.
pub fn operators(location: &Location, selection: &Selection) -> Result<Vec<String>, LettersError> {
    let queue = look(location)?;
    let named = named(&queue, selection)?;
    let meant = queue.letters.iter().filter(|letter| is_meant(selection, &named, letter));
    let mut operators: Vec<String> = meant.map(|letter| letter.head.operator.clone()).collect();
    operators.sort();
    operators.dedup();
    Ok(operators)
}

/// `{"total", "letters": [{"id", "operator", "outcome", …}]}`: of those that are meant the oldest, and what becomes of each. An outcome is
/// `passes` (with the rows that leave), `rejected`, `fails` (with why), or `unknown` (with why).
pub fn dry_run(location: &Location, selection: &Selection, plan: &Plan) -> Result<Value, LettersError> {
    let queue = look(location)?;
    let named = named(&queue, selection)?;
    let meant: Vec<&Letter> = queue.letters.iter().filter(|letter| is_meant(selection, &named, letter)).collect();
    let mut trials: HashMap<usize, Operator> = HashMap::new();
    let tried = meant.iter().take(TRIED_MAX).map(|letter| {
        let mut told = outcome(plan, &mut trials, letter);
        if let Some(told) = told.as_object_mut() {
            told.insert("id".into(), letter.id().to_string().into());
            told.insert("operator".into(), letter.head.operator.clone().into());
        }
        told
    });
    let tried: Vec<Value> = tried.collect();
    Ok(json!({ "total": meant.len(), "letters": tried }))
}

fn outcome(plan: &Plan, trials: &mut HashMap<usize, Operator>, letter: &Letter) -> Value {
    let unknown = |why: &str| json!({ "outcome": "unknown", "error": why });
    let (index, row) = match fitting(plan, letter) {
        Ok(fitting) => fitting,
        Err(why) => return unknown(&why),
    };
    let Some(Logic::Transform(operator)) = plan.operators.get(index).map(|planned| &planned.logic) else {
        return unknown("what its operator makes of a row depends on what it knows");
    };
    if operator.module.takes_tables() {
        return unknown("its operator looks into tables, which are read when the job runs");
    }
    if operator.enrich.is_some() {
        return unknown("its operator asks endpoints, and a trial sends no request");
    }
    let trial = trials.entry(index).or_insert_with(|| Operator::new(Arc::clone(operator)));
    let context = BatchContext {
        epoch: letter.head.id.epoch.0,
        first_row: letter.head.row_number,
        now: clock::now_us(),
        watermark: i64::MIN,
        seed: operator.seed,
    };
    match trial.process(context, &row) {
        Ok(processed) => match processed.poison.first() {
            Some(poison) => failed(&poison.fault),
            None => passed(operator, &processed),
        },
        Err(error) => failed(&Fault::of(&error)),
    }
}

fn failed(fault: &Fault) -> Value {
    json!({ "outcome": "fails", "code": fault.code.to_string(), "error": fault.message, "trace": fault.trace })
}

fn passed(operator: &OperatorPlan, processed: &Processed) -> Value {
    let port = |at: usize| operator.signature.ports.get(at).map(|port| port.name.clone());
    let rows = processed.emitted.iter().flat_map(|(at, batch)| {
        let rows = (0..batch.num_rows()).filter_map(|row| row_to_json(&batch.slice(row, 1)));
        rows.map(|row| json!({ "port": port(*at), "row": row })).collect::<Vec<_>>()
    });
    let rows: Vec<Value> = rows.collect();
    let outcome = if processed.stats.rejected > 0 { "rejected" } else { "passes" };
    json!({ "outcome": outcome, "rows_out": processed.stats.rows_out, "rows": rows })
}
