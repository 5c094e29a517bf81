//! The engine's way: the module `any-schema` over batches, by the operator that jobs run.

use std::{
    fs,
    sync::{Arc, LazyLock},
    time::Duration,
};

use arrow::{
    array::RecordBatch,
    datatypes::{DataType, Field, Schema, SchemaRef},
};
use pelton::operator::{KeptColumn, Operator, OperatorPlan, PortPlan};
use pelton_core::{
    contract::{Input, Mode, PortColumn, Signature},
    limits::Limits,
    poison::OnTrap,
};
use pelton_wasm::{BatchContext, Module, Runtime, RuntimeOptions, TransformInstance};
use serde_json::json;

use crate::{
    arrays,
    rules::{Form, Outputs},
};

static MODULE: LazyLock<Arc<Module>> = LazyLock::new(|| {
    let bytes = fs::read(pelton_tests::guest("any-schema").expect("a module to test")).expect("readable");
    let runtime = Runtime::new(&RuntimeOptions::default()).expect("the runtime starts");
    Arc::new(Module::load(&runtime, &bytes, &limits()).expect("the module loads"))
});

/// For a machine that may be busy.
fn limits() -> Limits {
    Limits { call_time: Duration::from_secs(20), ..Limits::default() }
}

/// The module's options for a form over these columns.
pub fn options(form: Form, fields: &[Field]) -> serde_json::Value {
    let name = |column: usize| fields.get(column).expect("a column of the schema").name();
    match form {
        Form::Echo => json!({ "form": "echo" }),
        Form::Pass => json!({ "form": "pass" }),
        Form::Filter { column } => json!({ "form": "filter", "column": name(column) }),
        Form::Map { column } => json!({ "form": "map", "column": name(column) }),
        Form::FlatMap { column, by: None } => json!({ "form": "flat-map", "column": name(column) }),
        Form::FlatMap { column, by: Some(by) } => {
            json!({ "form": "flat-map", "column": name(column), "by": name(by) })
        }
        Form::Split { column } => json!({ "form": "split", "column": name(column) }),
    }
}

/// What the module answers for all rows of the batches, in calls of at most `rows_max` rows.
pub fn run(form: Form, schema: &SchemaRef, batches: &[RecordBatch], rows_max: usize) -> Outputs {
    let fields: Vec<Field> = schema.fields().iter().map(|field| field.as_ref().clone()).collect();
    let plan = plan(form, &fields, schema, rows_max);
    check_ports(form, &fields, &plan.signature);
    let mut outputs = Outputs::default();
    outputs.ports.resize(plan.ports.len(), Vec::new());
    let mut operator = Operator::new(Arc::new(plan));
    let mut first_row = 0;
    for batch in batches {
        let context = BatchContext { epoch: 1, first_row, now: 0, watermark: i64::MIN, seed: 7 };
        first_row += batch.num_rows() as u64;
        let processed = operator.process(context, batch).unwrap_or_else(|error| panic!("{form:?}: {error}"));
        for (port, batch) in &processed.emitted {
            arrays::rows(batch).for_each(|row| outputs.emit(*port, row));
        }
        outputs.rejected.extend(processed.rejected.iter().flat_map(arrays::rows));
        let emitted: usize = processed.emitted.iter().map(|(_, batch)| batch.num_rows()).sum();
        assert_eq!(processed.stats.rows_in, batch.num_rows() as u64, "every row is given to the module once");
        assert_eq!(processed.stats.rows_out, emitted as u64);
    }
    outputs
}

/// All columns of all ports are wanted.
fn plan(form: Form, fields: &[Field], schema: &SchemaRef, rows_max: usize) -> OperatorPlan {
    let options = options(form, fields).to_string();
    let input = Input {
        name: "rows".into(),
        schema: Arc::clone(schema),
        key: Vec::new(),
        event_time: None,
        mode: Mode::Append,
    };
    let mut instance = TransformInstance::new(&MODULE, &limits()).expect("an instance");
    let contract = instance.open(&input, &[], &options).unwrap_or_else(|error| panic!("{form:?}: {error}"));
    let signature = contract.check(&input, &[]).unwrap_or_else(|error| panic!("{form:?}: {error}"));
    let ports = signature.ports.iter().map(|port| {
        let columns = port.columns.iter().map(|column| match column {
            PortColumn::Pass(at) => KeptColumn::Passed(*at),
            PortColumn::Computed(at) => KeptColumn::Computed(*at),
        });
        Some(PortPlan { schema: Arc::clone(&port.schema), columns: columns.collect() })
    });
    let reason = Arc::new(Field::new("_reason", DataType::Utf8, false));
    let rejected = PortPlan {
        schema: Arc::new(Schema::new(schema.fields().iter().cloned().chain([reason]).collect::<Vec<_>>())),
        columns: (0..fields.len()).map(KeptColumn::Passed).chain([KeptColumn::Computed(0)]).collect(),
    };
    OperatorPlan {
        name: "any-schema".into(),
        module_name: "any-schema.wasm".into(),
        module: Arc::clone(&MODULE),
        limits: limits(),
        on_trap: OnTrap::Halt,
        options,
        reads_at: signature.reads.clone(),
        ports: ports.collect(),
        rejected: Some(rejected),
        input,
        offered: Arc::default(),
        signature,
        enrich: None,
        rows_max,
        seed: 7,
    }
}

/// The ports must be typed as the form says.
fn check_ports(form: Form, fields: &[Field], signature: &Signature) {
    let (names, expected) = form.ports(fields);
    let found: Vec<_> = signature.ports.iter().map(|port| port.name.as_str()).collect();
    assert_eq!(found, names, "{form:?}");
    for port in &signature.ports {
        assert_eq!(*port.schema, Schema::new(expected.clone()), "port `{}` of {form:?}", port.name);
    }
}
