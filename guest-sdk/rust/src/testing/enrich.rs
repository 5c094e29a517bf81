//! The offline harness of enrich operators: a function of the test stands for the endpoints.

use std::marker::PhantomData;

use serde_json::{Map, Value};

use super::{IntoOptions, Rows, Tested, host};
use crate::{
    bindings::{BatchContext, Contract, Failure},
    enrich::{Enrich, Opened, Reply, Request},
    log::sink,
    types::Timestamp,
};

/// What an enrich operator can do in tests: `InEuro::replies(|request| Reply::new(200, "0.5")).test(rows! { … })`.
pub trait TestableEnrich: Enrich {
    /// What each request is answered. Equal requests of a batch are sent once.
    fn replies<F: FnMut(&Request) -> Reply>(replies: F) -> EnrichTest<Self, F> {
        let context = BatchContext { epoch: 1, first_row: 0, now: 0, watermark: i64::MIN, seed: 0 };
        EnrichTest { options: Map::new(), context, retries: 3, replies, enrich: PhantomData }
    }
}

impl<E: Enrich> TestableEnrich for E {}

/// A test of an enrich operator being set up; ends with [`EnrichTest::test`], [`EnrichTest::try_test`], [`EnrichTest::requests`],
/// [`EnrichTest::contract`] or [`EnrichTest::refusal`].
#[derive(Debug)]
pub struct EnrichTest<E, F> {
    options: Map<String, Value>,
    context: BatchContext,
    retries: usize,
    replies: F,
    enrich: PhantomData<E>,
}

impl<E: Enrich, F: FnMut(&Request) -> Reply> EnrichTest<E, F> {
    pub fn options(mut self, options: impl IntoOptions) -> Self {
        self.options = options.into_options();
        self
    }

    /// The seed of `ctx.random()`; 0 otherwise.
    pub fn seed(mut self, seed: u64) -> Self {
        self.context.seed = seed;
        self
    }

    /// The epoch's processing time; 1970 otherwise.
    pub fn now(mut self, now: Timestamp) -> Self {
        self.context.now = now.0;
        self
    }

    /// How often the batch may be asked again because of [`Reply::again`]; 3 times otherwise.
    pub fn retries(mut self, retries: usize) -> Self {
        self.retries = retries;
        self
    }

    /// Runs the operator on `rows`, and panics with the reason if it does not take them.
    #[track_caller]
    pub fn test(self, rows: Rows) -> Tested {
        match self.try_test(rows) {
            Ok(tested) => tested,
            Err(why) => panic!("the enrich operator failed: {why}"),
        }
    }

    /// Runs the operator on `rows`; the error is what the owner of the job would see.
    pub fn try_test(mut self, rows: Rows) -> Result<Tested, String> {
        sink::take();
        let (contract, opened) = self.open(&rows)?;
        let reads = contract.reads.first().map(Vec::as_slice).unwrap_or_default();
        let (requests, wanted) = opened.ask(self.context, rows.as_table(reads)?)?;
        let mut round = 0;
        loop {
            let replies = requests.iter().map(|request| (self.replies)(request).into_wit()).collect();
            match opened.answer(self.context, rows.as_table(reads)?, &wanted, replies) {
                Ok(output) => return host::answer(&contract, output, &rows),
                Err(Failure::Retry(_)) if round < self.retries => round += 1,
                Err(Failure::Retry(why)) => return Err(format!("wants to ask again: {why}")),
                Err(Failure::Fatal(why)) => return Err(why),
            }
        }
    }

    /// What it asks for `rows`, each different request once.
    #[track_caller]
    pub fn requests(self, rows: &Rows) -> Vec<Request> {
        let asked = self.open(rows).and_then(|(contract, opened)| {
            let reads = contract.reads.first().map(Vec::as_slice).unwrap_or_default();
            opened.ask(self.context, rows.as_table(reads)?)
        });
        match asked {
            Ok((requests, _)) => requests,
            Err(why) => panic!("the enrich operator failed: {why}"),
        }
    }

    /// The contract that the operator offers for such rows.
    #[track_caller]
    pub fn contract(self, rows: &Rows) -> Contract {
        match self.open(rows) {
            Ok((contract, _)) => contract,
            Err(why) => panic!("the enrich operator refuses the input: {why}"),
        }
    }

    /// Why the operator refuses such rows or these options; panics if it takes them.
    #[track_caller]
    pub fn refusal(self, rows: &Rows) -> String {
        match self.open(rows) {
            Ok(_) => panic!("the enrich operator takes these rows and options"),
            Err(why) => why,
        }
    }

    fn open(&self, rows: &Rows) -> Result<(Contract, Opened<E>), String> {
        Opened::open(&[rows.as_input(None)], &Value::Object(self.options.clone()).to_string())
    }
}
