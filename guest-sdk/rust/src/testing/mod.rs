//! The offline harness: a module of any kind run on rows in a `cargo test`, without a host.
//!
//! It opens and calls the transform by the same code as the module, then does what the host does with the answer:
//! carries the other columns along, and refuses an answer that breaks the contract. Wasm builds leave it out.

mod cell;
mod cogroup;
mod concat;
mod enrich;
mod fold;
mod host;
mod keyed;
mod rows;
mod stored;
mod tested;

use std::marker::PhantomData;

use serde_json::{Map, Value};

pub use self::{
    cell::Cell,
    cogroup::{CogroupTest, TestableCogroup},
    enrich::{EnrichTest, TestableEnrich},
    fold::{FoldTest, TestableAggregate},
    keyed::{KeyedRun, KeyedTest, TestableKeyed},
    rows::Rows,
    tested::Tested,
};
use crate::{
    bindings::{BatchContext, Contract},
    dynamic::Process,
    options::Options,
    transform::{Opened, Transform},
    types::Timestamp,
};

/// Options for a test: a struct with `#[derive(Options)]`, or what `options! { … }` makes.
pub trait IntoOptions {
    fn into_options(self) -> Map<String, Value>;
}

impl<O: Options> IntoOptions for O {
    fn into_options(self) -> Map<String, Value> {
        self.write()
    }
}

/// Options as a job file would give them; made by `options!`.
#[derive(Debug, Clone)]
pub struct Json(pub Map<String, Value>);

impl IntoOptions for Json {
    fn into_options(self) -> Map<String, Value> {
        self.0
    }
}

/// Options as a job file would give them, right or wrong: `options! { rate: 0.9, names: ["a", "b"] }`.
#[macro_export]
macro_rules! options {
    ($($name:ident : $value:tt),* $(,)?) => {
        $crate::testing::json!({ $((::core::stringify!($name)): $value),* })
    };
    ($($name:literal : $value:tt),* $(,)?) => {
        $crate::testing::json!({ $($name: $value),* })
    };
}

#[doc(hidden)]
pub use serde_json::Value as JsonValue;
#[doc(hidden)]
pub use serde_json::json as serde_json_json;

/// The object that `options!` wrote.
#[doc(hidden)]
#[macro_export]
macro_rules! __json {
    ($($object:tt)*) => {
        match $crate::testing::serde_json_json!($($object)*) {
            $crate::testing::JsonValue::Object(options) => $crate::testing::Json(options),
            _ => ::core::unreachable!("`options!` writes an object"),
        }
    };
}

#[doc(hidden)]
pub use crate::__json as json;

/// What a transform can do in tests: `to_euro.test(rows! { … })`.
pub trait Testable: Transform + Copy {
    /// Runs the transform on `rows`, and panics with the reason if it does not take them.
    #[track_caller]
    fn test(self, rows: Rows) -> Tested {
        Test::<Self>::new().test(rows)
    }

    /// Gives it options.
    fn options(self, options: impl IntoOptions) -> Test<Self> {
        Test::new().options(options)
    }

    /// Sets the seed of `ctx.random()`.
    fn seed(self, seed: u64) -> Test<Self> {
        Test::new().seed(seed)
    }

    /// Offers it a side table.
    fn table(self, name: &str, rows: Rows) -> Test<Self> {
        Test::new().table(name, rows)
    }

    /// A test in which more can be set.
    fn setup(self) -> Test<Self> {
        Test::new()
    }
}

impl<T: Transform + Copy> Testable for T {}

/// A test of a `#[transform]` being set up.
pub type Test<T> = ProcessTest<Opened<T>>;

/// A test of a [`Process`] being set up; ends with [`ProcessTest::test`], [`ProcessTest::try_test`], [`ProcessTest::contract`] or
/// [`ProcessTest::refusal`].
#[derive(Debug)]
pub struct ProcessTest<P> {
    options: Map<String, Value>,
    context: BatchContext,
    event_time: Option<String>,
    tables: Vec<(String, Rows)>,
    process: PhantomData<P>,
}

// Derived, it would ask `P` to be `Clone`.
impl<P> Clone for ProcessTest<P> {
    fn clone(&self) -> Self {
        Self {
            options: self.options.clone(),
            context: self.context,
            event_time: self.event_time.clone(),
            tables: self.tables.clone(),
            process: PhantomData,
        }
    }
}

impl<P: Process> ProcessTest<P> {
    #[expect(clippy::new_without_default, reason = "a test is always set up by name")]
    pub fn new() -> Self {
        let context = BatchContext { epoch: 1, first_row: 0, now: 0, watermark: i64::MIN, seed: 0 };
        Self { options: Map::new(), context, event_time: None, tables: Vec::new(), process: PhantomData }
    }

    pub fn options(mut self, options: impl IntoOptions) -> Self {
        self.options = options.into_options();
        self
    }

    /// The seed of `ctx.random()`; 0 otherwise.
    pub fn seed(mut self, seed: u64) -> Self {
        self.context.seed = seed;
        self
    }

    /// The epoch; 1 otherwise.
    pub fn epoch(mut self, epoch: u64) -> Self {
        self.context.epoch = epoch;
        self
    }

    /// The number of the first row; 0 otherwise.
    pub fn first_row(mut self, row: u64) -> Self {
        self.context.first_row = row;
        self
    }

    /// The epoch's processing time; 1970 otherwise.
    pub fn now(mut self, now: Timestamp) -> Self {
        self.context.now = now.0;
        self
    }

    /// The input's watermark; none otherwise.
    pub fn watermark(mut self, watermark: Timestamp) -> Self {
        self.context.watermark = watermark.0;
        self
    }

    /// The column that is the input's event time; none otherwise.
    pub fn event_time(mut self, column: &str) -> Self {
        self.event_time = Some(column.to_owned());
        self
    }

    /// Offers it a side table, all columns of which it is shown.
    pub fn table(mut self, name: &str, rows: Rows) -> Self {
        self.tables.push((name.to_owned(), rows));
        self
    }

    /// Runs the transform on `rows`, and panics with the reason if it does not take them.
    #[track_caller]
    pub fn test(self, rows: Rows) -> Tested {
        match self.try_test(rows) {
            Ok(tested) => tested,
            Err(why) => panic!("the transform failed: {why}"),
        }
    }

    /// Runs the transform on `rows`; the error is what the owner of the job would see.
    pub fn try_test(self, rows: Rows) -> Result<Tested, String> {
        crate::log::sink::take();
        let (contract, mut opened) = self.open(&rows)?;
        for (name, table) in self.tables.iter().filter(|(name, _)| contract.tables.contains(name)) {
            opened.load(name, table.whole()?)?;
        }
        host::run(&opened, &contract, self.context, &rows)
    }

    /// The contract that the transform offers for such rows.
    #[track_caller]
    pub fn contract(self, rows: &Rows) -> Contract {
        match self.open(rows) {
            Ok((contract, _)) => contract,
            Err(why) => panic!("the transform refuses the input: {why}"),
        }
    }

    /// Why the transform refuses such rows or these options; panics if it takes them.
    #[track_caller]
    pub fn refusal(self, rows: &Rows) -> String {
        match self.open(rows) {
            Ok(_) => panic!("the transform takes these rows and options"),
            Err(why) => why,
        }
    }

    fn open(&self, rows: &Rows) -> Result<(Contract, P), String> {
        let mut inputs = vec![rows.as_input(self.event_time.clone())];
        inputs.extend(self.tables.iter().map(|(name, table)| table.as_side_table(name)));
        P::open(&inputs, &Value::Object(self.options.clone()).to_string())
    }
}
