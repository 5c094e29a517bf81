//! Nexmark's events, from the crate `nexmark`: an online auction's people, auctions and bids.
//!
//! Row n is the n-th event of its kind in the one stream of all kinds (1 person, 3 auctions and 46 bids of every 50), and
//! a function of n and the seed. Event time is the crate's default of 10,000 events a second, from 2015-07-15 on, whatever
//! the rate at which rows are generated; the crate computes it in f32, so that it steps by more than a millisecond after
//! the first few hours.
//!
//! The crate draws everything of an event from its number, so a seed is a place in its infinite stream. Ids are counted
//! from that place on, as in the stream of seed 0; the first events may name people and auctions from before it.

use std::{ops::Range, sync::Arc};

use arrow::{
    array::{ArrayRef, Int64Array, StringBuilder, TimestampMillisecondArray},
    datatypes::{DataType, Field, Fields, TimeUnit},
};
use nexmark::{
    EventGenerator,
    config::NexmarkConfig,
    event::{Event, EventType},
};
use pelton_core::job::NexmarkEvents;

use super::random::mix;

/// 2015-07-15T00:00:00Z in ms, where Nexmark's other generators begin too.
const BASE_TIME: u64 = 1_436_918_400_000;

/// Groups of 50 events are skipped by hundreds, so that the crate's hot ids (every hundredth) fall on the same places.
const GROUPS: u64 = 100;
const EVENTS_PER_GROUP: u64 = 50;
const PEOPLE_PER_GROUP: i64 = 1;
const AUCTIONS_PER_GROUP: i64 = 3;

/// Places at which a seed may begin.
const PLACE_BITS: u32 = 40;

#[derive(Debug, Clone)]
pub struct Nexmark {
    kind: NexmarkEvents,
    /// Groups of events before the first row.
    skipped_groups: i64,
    whole: EventGenerator,
    /// Leaves `extra` empty, which is most of an event's cost; nothing else of the event changes.
    without_extra: EventGenerator,
}

/// A field of an event.
enum Value<'a> {
    Number(i64),
    Text(&'a str),
}

impl Nexmark {
    pub fn new(kind: NexmarkEvents, seed: u64) -> Self {
        let place = if seed == 0 { 0 } else { (mix(seed) >> (64 - PLACE_BITS)) * GROUPS };
        let config = NexmarkConfig {
            base_time: BASE_TIME,
            first_event_id: (place * EVENTS_PER_GROUP) as usize,
            ..NexmarkConfig::default()
        };
        let shortest =
            NexmarkConfig { avg_person_byte_size: 0, avg_auction_byte_size: 0, avg_bid_byte_size: 0, ..config.clone() };
        let filter = match kind {
            NexmarkEvents::Bid => EventType::Bid,
            NexmarkEvents::Auction => EventType::Auction,
            NexmarkEvents::Person => EventType::Person,
        };
        Self {
            kind,
            skipped_groups: place as i64,
            whole: EventGenerator::new(config).with_type_filter(filter),
            without_extra: EventGenerator::new(shortest).with_type_filter(filter),
        }
    }

    pub fn fields(&self) -> Fields {
        let time = DataType::Timestamp(TimeUnit::Millisecond, None);
        let (names, types): (&[&str], &[DataType]) = match self.kind {
            NexmarkEvents::Bid => (
                &["auction", "bidder", "price", "channel", "url", "date_time", "extra"],
                &[
                    DataType::Int64,
                    DataType::Int64,
                    DataType::Int64,
                    DataType::Utf8,
                    DataType::Utf8,
                    time,
                    DataType::Utf8,
                ],
            ),
            NexmarkEvents::Auction => (
                &[
                    "id",
                    "item_name",
                    "description",
                    "initial_bid",
                    "reserve",
                    "date_time",
                    "expires",
                    "seller",
                    "category",
                    "extra",
                ],
                &[
                    DataType::Int64,
                    DataType::Utf8,
                    DataType::Utf8,
                    DataType::Int64,
                    DataType::Int64,
                    time.clone(),
                    time,
                    DataType::Int64,
                    DataType::Int64,
                    DataType::Utf8,
                ],
            ),
            NexmarkEvents::Person => (
                &["id", "name", "email_address", "credit_card", "city", "state", "date_time", "extra"],
                &[
                    DataType::Int64,
                    DataType::Utf8,
                    DataType::Utf8,
                    DataType::Utf8,
                    DataType::Utf8,
                    DataType::Utf8,
                    time,
                    DataType::Utf8,
                ],
            ),
        };
        names.iter().zip(types).map(|(name, data_type)| Field::new(*name, data_type.clone(), false)).collect()
    }

    /// Bytes of an event, about: the sizes that the crate aims at.
    pub fn row_bytes(&self) -> u64 {
        match self.kind {
            NexmarkEvents::Bid => 100,
            NexmarkEvents::Auction => 500,
            NexmarkEvents::Person => 200,
        }
    }

    /// The columns at `wanted` (places in [`Self::fields`]) of `rows`.
    pub fn columns(&self, wanted: &[usize], rows: Range<u64>) -> Vec<ArrayRef> {
        let fields = self.fields();
        let extra = fields.len() - 1;
        let generator = if wanted.contains(&extra) { &self.whole } else { &self.without_extra };
        let count = usize::try_from(rows.end - rows.start).expect("a range is a batch");
        let mut columns: Vec<Column> = wanted
            .iter()
            .map(|place| Column::new(fields.get(*place).expect("a place in the fields").data_type(), count))
            .collect();
        for event in generator.clone().with_offset(rows.start).take(count) {
            for (place, column) in wanted.iter().zip(&mut columns) {
                column.push(self.value(&event, *place));
            }
        }
        columns.into_iter().map(Column::finish).collect()
    }

    fn value<'a>(&self, event: &'a Event, place: usize) -> Value<'a> {
        let number = |number: usize| Value::Number(number as i64);
        let time = |ms: u64| Value::Number(ms as i64);
        let person = |id: usize| Value::Number(id as i64 - self.skipped_groups * PEOPLE_PER_GROUP);
        let auction = |id: usize| Value::Number(id as i64 - self.skipped_groups * AUCTIONS_PER_GROUP);
        match (event, place) {
            (Event::Bid(bid), 0) => auction(bid.auction),
            (Event::Bid(bid), 1) => person(bid.bidder),
            (Event::Bid(bid), 2) => number(bid.price),
            (Event::Bid(bid), 3) => Value::Text(&bid.channel),
            (Event::Bid(bid), 4) => Value::Text(&bid.url),
            (Event::Bid(bid), 5) => time(bid.date_time),
            (Event::Bid(bid), _) => Value::Text(&bid.extra),
            (Event::Auction(item), 0) => auction(item.id),
            (Event::Auction(item), 1) => Value::Text(&item.item_name),
            (Event::Auction(item), 2) => Value::Text(&item.description),
            (Event::Auction(item), 3) => number(item.initial_bid),
            (Event::Auction(item), 4) => number(item.reserve),
            (Event::Auction(item), 5) => time(item.date_time),
            (Event::Auction(item), 6) => time(item.expires),
            (Event::Auction(item), 7) => person(item.seller),
            (Event::Auction(item), 8) => number(item.category),
            (Event::Auction(item), _) => Value::Text(&item.extra),
            (Event::Person(who), 0) => person(who.id),
            (Event::Person(who), 1) => Value::Text(&who.name),
            (Event::Person(who), 2) => Value::Text(&who.email_address),
            (Event::Person(who), 3) => Value::Text(&who.credit_card),
            (Event::Person(who), 4) => Value::Text(&who.city),
            (Event::Person(who), 5) => Value::Text(&who.state),
            (Event::Person(who), 6) => time(who.date_time),
            (Event::Person(who), _) => Value::Text(&who.extra),
        }
    }
}

/// A column as it grows.
enum Column {
    Numbers(Vec<i64>),
    Times(Vec<i64>),
    Texts(StringBuilder),
}

impl Column {
    fn new(data_type: &DataType, rows: usize) -> Self {
        match data_type {
            DataType::Utf8 => Self::Texts(StringBuilder::with_capacity(rows, rows * 16)),
            DataType::Timestamp(..) => Self::Times(Vec::with_capacity(rows)),
            _ => Self::Numbers(Vec::with_capacity(rows)),
        }
    }

    fn push(&mut self, value: Value<'_>) {
        match (self, value) {
            (Self::Numbers(numbers) | Self::Times(numbers), Value::Number(number)) => numbers.push(number),
            (Self::Texts(texts), Value::Text(text)) => texts.append_value(text),
            _ => unreachable!("a column's type is that of its values"),
        }
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Numbers(numbers) => Arc::new(Int64Array::from(numbers)),
            Self::Times(times) => Arc::new(TimestampMillisecondArray::from(times)),
            Self::Texts(mut texts) => Arc::new(texts.finish()),
        }
    }
}
