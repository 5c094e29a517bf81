//! The macros of `pelton-guest`, which re-exports them. Use them through its prelude.
//!
//! Each file has one macro: it reads the author's item, refuses what it cannot mean with a message that says what to
//! do, and writes calls to `pelton_guest::macros`. No logic is generated that could be a function there.

use proc_macro::TokenStream;
use quote::quote;

mod accumulator;
mod aggregate;
mod cogroup;
mod enrich;
mod function;
mod keyed;
mod names;
mod option;
mod passing;
mod port;
mod row;
mod state;
mod subkey;
mod table;
mod transform;

/// The first error, or what was made.
fn answer(made: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    made.unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Makes a struct a row: each field is a column of the same name, to read or to make.
///
/// | field | column |
/// |---|---|
/// | `bool`, `i8` … `i64`, `u8` … `u64`, `f32`, `f64` | `bool`, `s8` … `s64`, `u8` … `u64`, `f32`, `f64` |
/// | `&'a str`, `String` | `utf8`; `&str` borrows from the batch, `String` allocates for each row |
/// | `&'a [u8]`, `Vec<u8>` | `binary` |
/// | `Date`, `Timestamp`, `Decimal<P, S>` | `date`, `timestamp[us]`, `decimal(P, S)` |
/// | `Option<T>` | the column of `T`, nullable |
///
/// A column that is read may be narrower, if every value fits (`s32` into `i64`), and a timestamp may have any unit. If it is
/// nullable and the field is no `Option`, rows with a null are rejected before the function sees them.
///
/// On a field: `#[row(name = "…")]` names the column differently; `#[row(unit = "s" | "ms" | "us")]` is the unit of a timestamp
/// that is made.
///
/// For column-level transforms, `struct Bid` also gets the types `BidColumns<'_>` (whole columns, to read) and
/// `BidValues` (whole columns, to make).
///
/// ```
/// use pelton_guest::prelude::*;
///
/// #[derive(Row)]
/// struct Visit<'a> {
///     url: &'a str,
///     #[row(name = "user-id")]
///     user: Option<i64>,
/// }
///
/// #[transform]
/// fn known_users(visit: Visit<'_>) -> bool {
///     visit.user.is_some() && visit.url.starts_with("https:")
/// }
///
/// let out = known_users.test(rows! { url: ["https://a", "https://b"], "user-id": [Some(7), None] });
/// assert_eq!(out.main(), &rows! { url: ["https://a"], "user-id": [Some(7)] });
/// ```
#[proc_macro_derive(Row, attributes(row))]
pub fn derive_row(input: TokenStream) -> TokenStream {
    answer(syn::parse(input).and_then(|item| row::derive(&item)))
}

/// Makes a struct a module's options: each field is an option of the same name in the job file.
///
/// Fields are `bool`, integers, `f32`, `f64`, `String`, `Vec<T>`, `Option<T>`, `BTreeMap<String, T>` and structs with
/// `#[derive(Options)]`. On a field: `#[default(expression)]` makes the option one that need not be given (so does
/// `Option`); `#[option(name = "…")]` names it differently.
///
/// ```
/// use pelton_guest::prelude::*;
///
/// #[derive(Options)]
/// struct Options {
///     rate: f64,
///     #[default(0.0)]
///     min: f64,
/// }
///
/// #[derive(Row)]
/// struct Bid { price: f64 }
///
/// #[transform]
/// fn to_euro(bid: Bid, options: &Options) -> Option<Bid> {
///     (bid.price > options.min).then_some(Bid { price: bid.price * options.rate })
/// }
///
/// let out = to_euro.options(options! { rate: 0.5 }).test(rows! { price: [3.0] });
/// assert_eq!(out.main(), &rows! { price: [1.5] });
/// assert_eq!(
///     to_euro.options(options! { rat: 0.5 }).refusal(&rows! { price: [3.0] }),
///     "there is no option `rat`: did you mean `rate`?"
/// );
/// ```
#[proc_macro_derive(Options, attributes(default, option))]
pub fn derive_options(input: TokenStream) -> TokenStream {
    answer(syn::parse(input).and_then(|item| option::derive(&item)))
}

/// Makes an enum the outputs of a transform: each variant is a port, and holds a row for it.
///
/// The first variant is the operator's main output. A port's name is its variant's in kebab-case, or as
/// `#[port("…")]` says; jobs name it `operator.port`. A variant without a row computes nothing.
/// After the name, `#[port]` takes `pass`, `drop`, `rename` and `event_time` as [`macro@transform`] does, for this port alone.
///
/// ```
/// use pelton_guest::prelude::*;
///
/// #[derive(Row)]
/// struct Line<'a> { line: &'a str }
/// #[derive(Row)]
/// struct Number { number: i64 }
/// #[derive(Row)]
/// struct Why { why: String }
///
/// #[derive(Ports)]
/// enum Out {
///     Number(Number),
///     #[port("errors")]
///     Bad(Why),
/// }
///
/// #[transform]
/// fn parse(line: Line<'_>) -> Out {
///     match line.line.parse() {
///         Ok(number) => Out::Number(Number { number }),
///         Err(error) => Out::Bad(Why { why: format!("{error}") }),
///     }
/// }
///
/// let out = parse.test(rows! { line: ["12", "x"] });
/// assert_eq!(out.main(), &rows! { line: ["12"], number: [12] });
/// assert_eq!(out.port("errors"), &rows! { line: ["x"], why: ["invalid digit found in string"] });
/// ```
#[proc_macro_derive(Ports, attributes(port))]
pub fn derive_ports(input: TokenStream) -> TokenStream {
    answer(syn::parse(input).and_then(|item| port::derive(&item)))
}

/// Makes a function the module's transform.
///
/// `fn name(row: Row, options: &Options, ctx: &Context) -> Out`, where `options` and `ctx` may be left out. The row is a struct
/// with [`macro@Row`], the options one with [`macro@Options`]; what it returns decides what it is:
///
/// | returns | is |
/// |---|---|
/// | a row | map |
/// | `bool` | filter |
/// | `Option<row>` | map and filter |
/// | `Vec<row>`, `impl Iterator<Item = row>` | flat-map |
/// | an enum with [`macro@Ports`] | several outputs |
/// | `Result<any of these, E>` | the same, and `Err` rejects the row: it goes to `operator.rejected` with the reason |
///
/// All columns of the input pass through, whether they are read or not; a column that is made takes the place of one of the same
/// name. The attribute changes that: `#[transform(pass = none)]` or `pass = ["a", "b"]` (only these), `drop = ["a"]`
/// (all but these), `rename(a = "b")` or `rename("a" = "b")`. `event_time = "ts"` says which column of the main output is its event time, if it is not
/// the input's.
///
/// `#[transform(table = "airlines")]` gives the function the job's side table of that name, in the argument `airlines: &Names`,
/// whose type implements `Lookup`; see there for an example. Several may be named, each with `table`.
///
/// `#[transform(columns)]` gives whole columns, `fn name(bids: BidColumns<'_>) -> Emit<PricedValues>`: see `Emit`.
///
/// In tests the function's name is a value with the methods of `Testable`, and can be called as the function that it was.
///
/// ```
/// use pelton_guest::prelude::*;
///
/// #[derive(Row)]
/// struct Line<'a> { line: &'a str }
/// #[derive(Row)]
/// struct Word<'a> { word: &'a str }
///
/// #[transform(pass = none)]
/// fn words<'a>(line: Line<'a>) -> impl Iterator<Item = Word<'a>> {
///     line.line.split_whitespace().map(|word| Word { word })
/// }
///
/// let out = words.test(rows! { line: ["to be", "", "or"] });
/// assert_eq!(out.main(), &rows! { word: ["to", "be", "or"] });
/// ```
#[proc_macro_attribute]
pub fn transform(attributes: TokenStream, item: TokenStream) -> TokenStream {
    let function: syn::ItemFn = match syn::parse(item) {
        Ok(function) => function,
        Err(error) => return error.to_compile_error().into(),
    };
    let made = syn::parse(attributes).and_then(|attributes| transform::expand(attributes, function.clone()));
    made.unwrap_or_else(|error| {
        let error = error.to_compile_error();
        // The function stays, so that what uses it does not fail as well; unless it could not stand alone.
        let function = function.sig.receiver().is_none().then_some(function);
        let function = function.map(|function| quote!(#[allow(dead_code)] #function));
        quote!(#error #function)
    })
    .into()
}

/// Makes a struct an accumulator: each field is a column that the engine keeps for each group and window.
///
/// Fields are `bool`, `i8` to `i64`, `u8` to `u64`, `f32`, `f64`, `String`, `Vec<u8>`, `Date`, `Timestamp`, `Decimal<P, S>`, or an
/// `Option` of one. The struct also has a `Default`: the accumulator of no rows, for which all columns are null. See
/// [`macro@aggregate`].
#[proc_macro_derive(Accumulator)]
pub fn derive_accumulator(input: TokenStream) -> TokenStream {
    answer(syn::parse(input).and_then(|item| accumulator::derive(&item)))
}

/// Makes a type with `add`, `merge` and `finish` the module's aggregate.
///
/// ```
/// use pelton_guest::prelude::*;
///
/// #[derive(Row)]
/// struct Bid { price: f64 }
///
/// #[derive(Row)]
/// struct Mean { mean: f64 }
///
/// #[derive(Accumulator, Default)]
/// struct Average { sum: f64, count: i64 }
///
/// /// The mean price.
/// #[aggregate]
/// impl Average {
///     fn add(&mut self, bid: Bid) {
///         self.sum += bid.price;
///         self.count += 1;
///     }
///
///     fn merge(&mut self, later: Self) {
///         self.sum += later.sum;
///         self.count += later.count;
///     }
///
///     fn finish(self) -> Mean {
///         Mean { mean: self.sum / self.count as f64 }
///     }
/// }
///
/// let out = Average::key(["auction"]).test(rows! { auction: [1, 2, 1], price: [1.0, 5.0, 3.0] });
/// assert_eq!(out.main(), &rows! { auction: [1, 2], mean: [2.0, 5.0] });
/// ```
///
/// With `retract` it takes rows back as well, so that sliding windows can keep one running accumulator for each key (`inverse = true`),
/// and the aggregate reads results that change (edges in mode `retract`). The inverse must be exact: cents have one, a sum
/// of floats or a maximum has none. `test_taking_back` finds out.
///
/// ```
/// use pelton_guest::prelude::*;
///
/// #[derive(Row)]
/// struct Order { cents: i64 }
///
/// #[derive(Row)]
/// struct Spent { cents: i64 }
///
/// #[derive(Accumulator, Default)]
/// struct Total { cents: i64 }
///
/// #[aggregate]
/// impl Total {
///     fn add(&mut self, order: Order) {
///         self.cents += order.cents;
///     }
///
///     fn retract(&mut self, order: Order) {
///         self.cents -= order.cents;
///     }
///
///     fn merge(&mut self, later: Self) {
///         self.cents += later.cents;
///     }
///
///     fn finish(self) -> Spent {
///         Spent { cents: self.cents }
///     }
/// }
///
/// Total::test_taking_back(rows! { cents: [1200, 500, 300, 700] });
/// ```
///
/// The type is the accumulator: the struct with [`macro@Accumulator`] and `Default` that the engine keeps for each group and window.
///
/// | function | is called |
/// |---|---|
/// | `add(&mut self, row: Row)` | with each row; a row with a null in a field that is no `Option` is left out, as in SQL |
/// | `merge(&mut self, later: Self)` | with what later rows were folded into |
/// | `finish(self) -> Out` | for the result; `Out` is what a [`macro@transform`] may return, without columns that pass |
/// | `retract(&mut self, row: Row)` | if it is there, with rows to take back: exactly, as if they had never come |
///
/// Each may also take `options: &Options`; `add` and `retract` also `ctx: &Context`, and `finish` `window: &Window`. All but `finish`
/// return nothing, or a `Result<(), E>` whose error stops the job.
///
/// Folding rows in parts and merging must give what folding them at once gives, and `merge` must not care which side is which:
/// `#[aggregate(ordered)]` is for those that do, and costs the engine its freedom to merge as parts arrive. Other
/// functions in the block are left alone. In tests the type has the functions of `TestableAggregate`.
#[proc_macro_attribute]
pub fn aggregate(attributes: TokenStream, item: TokenStream) -> TokenStream {
    let item: syn::ItemImpl = match syn::parse(item) {
        Ok(item) => item,
        Err(error) => return aggregate::not_an_impl(&error).to_compile_error().into(),
    };
    let made = syn::parse(attributes).and_then(|attributes| aggregate::expand(attributes, &item));
    made.unwrap_or_else(|error| {
        let error = error.to_compile_error();
        // The functions stay, so that what uses them does not fail as well.
        let item = item.trait_.is_none().then_some(item);
        let item = item.map(|item| quote!(#[allow(dead_code)] #item));
        quote!(#error #item)
    })
    .into()
}

/// Makes a struct the state of a key, or an element of a `List` or `Map`: each field is a column that the engine keeps.
///
/// Fields are `bool`, `i8` to `i64`, `u8` to `u64`, `f32`, `f64`, `String`, `Vec<u8>`, `Date`, `Timestamp`, `Decimal<P, S>`, or an
/// `Option` of one; one field at least is no `Option`, since a key whose columns are all null has no state. See [`macro@keyed`].
#[proc_macro_derive(State)]
pub fn derive_state(input: TokenStream) -> TokenStream {
    answer(syn::parse(input).and_then(|item| state::derive(&item)))
}

/// Makes a struct the subkey of a `Map`: rows are found by its fields, and come in the order of the first, then the second.
///
/// Fields are `bool`, `i8` to `i64`, `u8` to `u64`, `String`, `Vec<u8>`, `Date`, `Timestamp` or `Decimal<P, S>`. The struct is `Clone`.
///
/// ```
/// use pelton_guest::prelude::*;
///
/// #[derive(Row)]
/// struct Shop<'a> { shop: &'a str }
///
/// #[derive(Row)]
/// struct Sale<'a> { day: Date, product: &'a str, pieces: i64 }
///
/// #[derive(Subkey, Clone)]
/// struct Slot { day: Date, product: String }
///
/// #[derive(Row)]
/// struct Week { day: Date, pieces: i64 }
///
/// /// After each sale, what the shop sold in the week until then.
/// #[keyed]
/// fn weeks(_shop: Shop<'_>, sales: Group<Sale<'_>>, sold: &mut Map<Slot, i64>, out: &mut Out<Week>) {
///     for sale in sales {
///         let slot = Slot { day: sale.day, product: sale.product.to_owned() };
///         let pieces = sold.get(&slot).unwrap_or_default() + sale.pieces;
///         sold.put(slot, pieces);
///         let first = |day: i32| Slot { day: Date(day), product: String::new() };
///         let week = sold.range(first(sale.day.0 - 6)..first(sale.day.0 + 1));
///         out.emit_from(&sale, Week { day: sale.day, pieces: week.map(|(_, pieces)| pieces).sum() });
///     }
/// }
///
/// let sales = rows! {
///     shop: ["a", "a", "a"], day: [Date(1), Date(2), Date(9)], product: ["pen", "ink", "pen"], pieces: [3_i64, 4, 5],
/// };
/// let out = weeks.key(["shop"]).start().rows(sales);
/// assert_eq!(out.main().column::<i64>("pieces"), [3, 7, 5]);
/// ```
#[proc_macro_derive(Subkey)]
pub fn derive_subkey(input: TokenStream) -> TokenStream {
    answer(syn::parse(input).and_then(|item| subkey::derive(&item)))
}

/// Makes a function the module's keyed operator.
///
/// ```
/// use pelton_guest::prelude::*;
///
/// #[derive(Row)]
/// struct Sensor<'a> { sensor: &'a str }
///
/// #[derive(Row)]
/// struct Reading { celsius: f64 }
///
/// /// What is kept for each sensor.
/// #[derive(State)]
/// struct Last { celsius: f64 }
///
/// #[derive(Row)]
/// struct Jump { from: f64, to: f64 }
///
/// /// Readings of a sensor that are far from the one before.
/// #[keyed]
/// fn jumps(_sensor: Sensor<'_>, last: &mut Option<Last>, readings: Group<Reading>, out: &mut Out<Jump>) {
///     for reading in readings {
///         let to = reading.celsius;
///         if let Some(from) = last.as_ref().map(|last| last.celsius).filter(|from| (to - from).abs() > 10.0) {
///             out.emit_from(&reading, Jump { from, to });
///         }
///         *last = Some(Last { celsius: to });
///     }
/// }
///
/// let mut test = jumps.key(["sensor"]).start();
/// let out = test.rows(rows! { sensor: ["a", "b", "a"], celsius: [20.0, 90.0, 21.0] });
/// assert!(out.main().is_empty());
/// let out = test.rows(rows! { sensor: ["a", "b"], celsius: [35.0, 91.0] });
/// assert_eq!(out.main(), &rows! { sensor: ["a"], from: [21.0], to: [35.0] });
/// ```
///
/// `fn name(key: Key, state: &mut Option<State>, rows: Group<Row>, timers: &mut Timers, out: &mut Out<Made>, options: &Options,
/// ctx: &Context)`, where `timers`, `options` and `ctx` may be left out and all after the rows may change places. Any number of lists and
/// maps may be there too, and the state may then be left out.
///
/// | argument | is |
/// |---|---|
/// | `key: Key` | a struct with [`macro@Row`]: columns of the key that the job gives the operator |
/// | `state: &mut Option<State>` | a struct with [`macro@State`], or one value (`Option<i64>`); `None` if the key has none, and to delete it |
/// | `rows: Group<Row>` | the key's rows, in order; each is an `Arrival<Row>` with the fields of `Row` |
/// | `recent: &mut List<Item>` | a list by the name `recent` that is read in parts: see `List` |
/// | `counts: &mut Map<Subkey, Item>` | a map by the name `counts` that is read in parts: see `Map` |
/// | `timers: &mut Timers` | sets and clears timers, and tells those that are due: take them after the rows |
/// | `out: &mut Out<Made>` | takes rows (`emit`, `emit_from` a row) and rejections; `Made` is a row, or an enum with [`macro@Ports`] |
///
/// It is called for a key that has rows, a timer that is due, or whose time to live has ended. It returns nothing, or a `Result<(), E>` whose
/// error stops the job.
///
/// A module whose state has changed says how it reads the state of the version before, so that it can take the place of that version in a
/// job that runs:
///
/// ```
/// use pelton_guest::prelude::*;
///
/// # #[derive(Row)]
/// # struct Account { account: i64 }
/// # #[derive(Row)]
/// # struct Payment { euro: f64 }
/// # #[derive(Row)]
/// # struct Sum { sum: f64, payments: i64 }
/// /// What version 1 kept.
/// #[derive(State)]
/// struct InCents { cents: i64 }
///
/// #[derive(State)]
/// struct Paid { euro: f64, payments: i64 }
///
/// fn from_cents(older: InCents) -> Paid {
///     Paid { euro: older.cents as f64 / 100.0, payments: 0 }
/// }
///
/// #[keyed(migrate = from_cents)]
/// fn sums(_account: Account, paid: &mut Option<Paid>, payments: Group<Payment>, out: &mut Out<Sum>) {
///     let paid = paid.get_or_insert(Paid { euro: 0.0, payments: 0 });
///     for payment in payments {
///         paid.euro += payment.euro;
///         paid.payments += 1;
///         out.emit_from(&payment, Sum { sum: paid.euro, payments: paid.payments });
///     }
/// }
///
/// assert_eq!(from_cents(InCents { cents: 250 }).euro, 2.5);
/// ```
///
/// The state's version is 1, and one more for each function. `migrate = [from_version_1, from_version_2]` reads two older versions, and
/// `version = 4, migrate = from_version_3` has forgotten the earliest. A function may also return an `Option` (`None` drops the state) or a `Result`
/// whose error says why the state cannot be taken over. Lists and maps go on as they are.
///
/// The columns of the key pass; the attribute changes that as it does for [`macro@transform`]. Other columns that pass are null
/// in rows that were emitted from no row. In tests the function's name is a value with the methods of `TestableKeyed`.
#[proc_macro_attribute]
pub fn keyed(attributes: TokenStream, item: TokenStream) -> TokenStream {
    let function: syn::ItemFn = match syn::parse(item) {
        Ok(function) => function,
        Err(error) => return error.to_compile_error().into(),
    };
    // The function does not stay: without its state and rows nobody can call it.
    answer(keyed::expand(attributes.into(), function))
}

/// Makes a function the module's cogroup: the general join.
///
/// ```
/// use pelton_guest::prelude::*;
///
/// #[derive(Row)]
/// struct Order { order: i64 }
///
/// #[derive(Row)]
/// struct Item { price: f64 }
///
/// #[derive(Row)]
/// struct Payment { euro: f64 }
///
/// #[derive(Row)]
/// struct Open { open: f64 }
///
/// /// What is still to be paid of each order.
/// #[cogroup]
/// fn open(_order: Order, items: Group<Item>, payments: Group<Payment>, out: &mut Joined<Open>) {
///     let due: f64 = items.map(|item| item.price).sum();
///     let paid: f64 = payments.map(|payment| payment.euro).sum();
///     if due > paid {
///         out.emit(Open { open: due - paid });
///     }
/// }
///
/// let items = rows! { order: [1, 2, 1, 3], price: [5.0, 8.0, 6.0, 1.0] };
/// let payments = rows! { order: [2, 1, 4], euro: [8.0, 4.0, 9.0] };
/// let out = open.key(["order"]).test(items, payments);
/// assert_eq!(out.main(), &rows! { order: [1, 3], open: [7.0, 1.0] });
/// ```
///
/// `fn name(key: Key, left: Group<Left>, right: Group<Right>, out: &mut Joined<Made>, options: &Options, ctx: &Context)`, where
/// `options` and `ctx` may be left out and all after the rows may change places.
///
/// | argument | is |
/// |---|---|
/// | `key: Key` | a struct with [`macro@Row`]: columns of the key by which the job matches the inputs, named as on the left |
/// | `left: Group<Left>` | the key's rows of the left input, in order; maybe none. Each is an `Arrival<Left>` with the fields of `Left` |
/// | `right: Group<Right>` | those of the right input |
/// | `out: &mut Joined<Made>` | takes rows (`emit`) and rejections of rows of either side; `Made` is a row, or an enum with [`macro@Ports`] |
///
/// It is called for a key that has rows on either side. It returns nothing, or a `Result<(), E>` whose error stops the job. A group is
/// taken once; `collect` the rows to go through them again, for each row of the other side.
///
/// The columns of the key pass, and no others can: the attribute changes that as it does for [`macro@transform`]. A row has
/// the event time that the attribute names (`event_time = "at"`), if any. In tests the function's name is a value with the
/// methods of `TestableCogroup`.
#[proc_macro_attribute]
pub fn cogroup(attributes: TokenStream, item: TokenStream) -> TokenStream {
    let function: syn::ItemFn = match syn::parse(item) {
        Ok(function) => function,
        Err(error) => return error.to_compile_error().into(),
    };
    answer(cogroup::expand(attributes.into(), function))
}

/// Makes a type with `ask` and `answer` the module's enrich operator: for each row one says what to fetch, the other makes rows of the reply.
///
/// ```
/// use pelton_guest::prelude::*;
///
/// #[derive(Row)]
/// struct Bid<'a> { currency: &'a str, price: f64 }
///
/// #[derive(Row)]
/// struct Priced { euro: f64 }
///
/// struct InEuro;
///
/// /// Prices in euro, by the rate that the endpoint `rates` has for their currency.
/// #[enrich]
/// impl InEuro {
///     fn ask(bid: Bid<'_>) -> Option<Request> {
///         (bid.currency != "EUR").then(|| Request::get("rates", format!("/latest/{}", encode(bid.currency))))
///     }
///
///     fn answer(bid: Bid<'_>, reply: Option<&Reply>) -> Result<Priced, String> {
///         let Some(reply) = reply else { return Ok(Priced { euro: bid.price }) };
///         let rate: f64 = reply.text()?.trim().parse().map_err(|_| "the rate is no number")?;
///         Ok(Priced { euro: bid.price * rate })
///     }
/// }
///
/// let out = InEuro::replies(|request| match request.path() {
///     "/latest/USD" => Reply::new(200, "0.5"),
///     _ => Reply::new(404, ""),
/// })
/// .test(rows! { currency: ["USD", "EUR", "XXX"], price: [4.0, 3.0, 1.0] });
/// assert_eq!(out.main().column::<f64>("euro"), [2.0, 3.0]);
/// assert_eq!(out.rejected(), [(2, "status 404")]);
/// ```
///
/// | function | is |
/// |---|---|
/// | `ask(row: Row) -> Request` | what the row needs; `Option<Request>` if some rows need nothing. Equal requests of a batch are sent once |
/// | `answer(row: Row, reply: &Reply) -> Out` | called with the same row; `Out` is what a [`macro@transform`] may return. After an `Option<Request>` it takes `reply: Option<&Reply>` |
///
/// Both may also take `options: &Options` and `ctx: &Context`. The attribute takes `pass`, `drop`, `rename` and `event_time` as
/// [`macro@transform`] does. The module sends nothing itself: the engine asks the endpoints that the operator may ask (`endpoints = ["rates"]` in
/// the job file), adds their secrets, and records the replies, so that an epoch that is computed again asks nobody. In tests the type has
/// the functions of `TestableEnrich`.
#[proc_macro_attribute]
pub fn enrich(attributes: TokenStream, item: TokenStream) -> TokenStream {
    let item: syn::ItemImpl = match syn::parse(item) {
        Ok(item) => item,
        Err(error) => return enrich::not_an_impl(&error).to_compile_error().into(),
    };
    let made = syn::parse(attributes).and_then(|attributes| enrich::expand(&attributes, &item));
    made.unwrap_or_else(|error| {
        let error = error.to_compile_error();
        // The functions stay, so that what uses them does not fail as well.
        let item = item.trait_.is_none().then_some(item);
        let item = item.map(|item| quote!(#[allow(dead_code)] #item));
        quote!(#error #item)
    })
    .into()
}
