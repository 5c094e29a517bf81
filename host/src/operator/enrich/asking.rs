//! Where the replies to a call come from: an endpoint, what was recorded of the epoch, or what another operator was answered.
//!
//! Called between `ask` and `answer` of each batch. Invariant: only [`Source::Endpoints`] sends anything; a call whose rows are bisected keeps the
//! replies that it has, so that no request is sent once more because a row is poison.

use std::{collections::HashMap, sync::Arc, time::Duration};

use pelton_core::job::operator_of;
use pelton_wasm::{CallError, Reply, Request, RequestKey};

use super::{
    EnrichPlan,
    fetch::{self, Sending},
    recorded::{AskedCall, Recorded},
};

/// What the operators of a task know of replies.
pub struct Replies<'a> {
    pub source: Source<'a>,
    /// What was asked in this task so far, by all operators.
    pub asked: &'a mut Vec<AskedCall>,
    /// Nobody wants what comes after any more.
    pub cancelled: &'a dyn Fn() -> bool,
}

/// Who answers.
#[derive(Clone, Copy)]
pub enum Source<'a> {
    /// The endpoints themselves.
    Endpoints,
    /// Whoever was answered in the same task: a shadow asks nobody.
    Task,
    /// The epoch was committed before, and this was answered then. A `candidate` may ask what nobody asked then.
    Recorded { replies: &'a Recorded, is_candidate: bool },
    /// Nobody: a trial.
    Nobody,
}

const UNANSWERED: &str =
    "nobody was asked: a shadow and a replay send no request, and no reply to this one is recorded";

/// One batch on its way from `ask` to `answer`.
pub(in crate::operator) struct Call<'a, 'r> {
    plan: &'a EnrichPlan,
    operator: &'a str,
    first_row: u64,
    reply_bytes: u64,
    replies: &'a mut Replies<'r>,
    known: HashMap<RequestKey, Arc<Reply>>,
    /// How often each was sent.
    sent: HashMap<RequestKey, u32>,
    pub(in crate::operator) stats: CallStats,
    /// The call has failed, and is made again with fewer rows.
    pub(in crate::operator) is_trial: bool,
}

/// What asking took.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::operator) struct CallStats {
    pub(in crate::operator) requests: u64,
    pub(in crate::operator) time: Duration,
}

impl<'a, 'r> Call<'a, 'r> {
    pub(in crate::operator) fn new(
        plan: &'a EnrichPlan,
        (operator, first_row, reply_bytes): (&'a str, u64, u64),
        replies: &'a mut Replies<'r>,
    ) -> Self {
        Self {
            plan,
            operator,
            first_row,
            reply_bytes,
            replies,
            known: HashMap::new(),
            sent: HashMap::new(),
            stats: CallStats::default(),
            is_trial: false,
        }
    }

    /// One reply for each request.
    pub(super) fn replies(&mut self, requests: &[Request]) -> Result<Vec<Arc<Reply>>, CallError> {
        let keys: Vec<RequestKey> = requests.iter().map(Request::key).collect();
        let mut missing: Vec<(RequestKey, &Request)> = Vec::new();
        for (key, request) in keys.iter().zip(requests) {
            if self.known.contains_key(key) {
                continue;
            }
            match self.looked_up(*key, request)? {
                Some(reply) => {
                    self.known.insert(*key, reply);
                }
                None => missing.push((*key, request)),
            }
        }
        if !missing.is_empty() {
            self.fetch(&missing)?;
        }
        let reply = |key| self.known.get(key).map(Arc::clone).expect("looked up or fetched above");
        Ok(keys.iter().map(reply).collect())
    }

    /// None: an endpoint has to be asked.
    fn looked_up(&self, key: RequestKey, request: &Request) -> Result<Option<Arc<Reply>>, CallError> {
        let unanswered = || Arc::new(Reply::none(UNANSWERED));
        let base = operator_of(self.operator);
        Ok(Some(match self.replies.source {
            Source::Endpoints => return Ok(None),
            Source::Task => {
                let calls = self.replies.asked.iter().filter(|call| operator_of(&call.operator) == base);
                let same = calls.clone().filter(|call| call.first_row == self.first_row);
                same.chain(calls).find_map(|call| call.reply(key)).map_or_else(unanswered, Arc::clone)
            }
            Source::Recorded { replies, is_candidate } => match replies.of_call(self.operator, self.first_row, key) {
                Some(reply) => reply,
                None if is_candidate => replies.of_any(base, self.first_row, key).unwrap_or_else(unanswered),
                None => return Err(CallError::NotRecorded { request: request.to_string() }),
            },
            Source::Nobody => unanswered(),
        }))
    }

    fn fetch(&mut self, missing: &[(RequestKey, &Request)]) -> Result<(), CallError> {
        let started = std::time::Instant::now();
        let sending = missing.iter().map(|(key, request)| Sending {
            endpoint: self.plan.at.get(request.endpoint).copied().unwrap_or(usize::MAX),
            request: Request::clone(request),
            sends: self.left(*key, request),
            before: self.sent.get(key).copied().unwrap_or_default(),
        });
        let (sending, cancelled) = (sending.collect(), self.replies.cancelled);
        let fetched = fetch::fetch(&self.plan.endpoints, sending, self.reply_bytes, cancelled);
        self.stats.time += started.elapsed();
        for ((key, _), fetched) in missing.iter().zip(fetched?) {
            *self.sent.entry(*key).or_default() += fetched.sent;
            self.stats.requests += u64::from(fetched.sent);
            self.known.insert(*key, fetched.reply);
        }
        Ok(())
    }

    /// How often a request may still be sent.
    fn left(&self, key: RequestKey, request: &Request) -> u32 {
        let spec = self.plan.at.get(request.endpoint).and_then(|at| self.plan.endpoints.specs.get(*at));
        let most = spec.map_or(1, |spec| spec.retries.saturating_add(1));
        most.saturating_sub(self.sent.get(&key).copied().unwrap_or_default())
    }

    /// The module wants them asked again, of which some may still be sent: those that got no answer, or one that is an error; if there is none
    /// such, all. An error if none may be sent any more, or nobody may be asked.
    pub(super) fn again(&mut self, requests: &[Request], reason: String) -> Result<(), CallError> {
        if self.is_trial || !matches!(self.replies.source, Source::Endpoints) {
            return Err(CallError::Retry(reason));
        }
        let all = requests.iter().map(|request| (request.key(), request));
        let left: Vec<(RequestKey, &Request)> = all.filter(|(key, request)| self.left(*key, request) > 0).collect();
        let has_failed = |key: &RequestKey| {
            self.known.get(key).is_some_and(|reply| reply.error.is_some() || reply.status == 429 || reply.status >= 500)
        };
        let failed: Vec<_> = left.iter().filter(|(key, _)| has_failed(key)).copied().collect();
        let again = if failed.is_empty() { left } else { failed };
        if again.is_empty() {
            return Err(CallError::Retry(reason));
        }
        let delay = again.iter().filter_map(|(key, request)| {
            let spec = self.plan.endpoints.specs.get(*self.plan.at.get(request.endpoint)?)?;
            Some(fetch::delay(spec.backoff, self.sent.get(key).copied().unwrap_or(1)))
        });
        let started = std::time::Instant::now();
        let is_wanted = fetch::pause(delay.max().unwrap_or_default(), self.replies.cancelled);
        self.stats.time += started.elapsed();
        if !is_wanted {
            return Err(CallError::Fetch("the run is ending".into()));
        }
        for (key, _) in again {
            self.known.remove(&key);
        }
        Ok(())
    }

    /// Puts down what was asked, so that nobody need ask again. To be called once the batch is through.
    pub(in crate::operator) fn finish(self) {
        if self.known.is_empty() || !matches!(self.replies.source, Source::Endpoints) {
            return;
        }
        let mut replies: Vec<_> = self.known.into_iter().collect();
        replies.sort_unstable_by_key(|(key, _)| *key);
        let (operator, first_row) = (self.operator.to_owned(), self.first_row);
        self.replies.asked.push(AskedCall { operator, first_row, replies });
    }
}
