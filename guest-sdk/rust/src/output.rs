//! Columns made: from the value of a row's field to a column that crosses to the host.
//!
//! [`OutputField`] is implemented for every type that a field of a row may have; [`OutputRow`] is what
//! `#[derive(Row)]` implements, and `()` does: a row that computes nothing.

use crate::{
    bindings::{Field, Node},
    block::{Block, Bytes, Flags, Numbers, Optional},
    types::{Date, Decimal, TimeUnit, Timestamp},
};

/// A type that a field of a row can have, made into a column.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a column",
    label = "not a type of column",
    note = "a field of a row is bool, i8 to i64, u8 to u64, f32, f64, &str, String, &[u8], Vec<u8>, Date, Timestamp, Decimal<P, S>, or an Option of one"
)]
pub trait OutputField: Sized {
    type Block: Block;
    const NULLABLE: bool;

    /// The Arrow format string.
    fn format() -> String;
    /// What is put in the slot of a row that is dropped: cheap, and without bytes.
    fn blank() -> Self;
    fn put(self, block: &mut Self::Block, slot: usize);
}

/// A row that is made. Implemented by `#[derive(Row)]`, and for `()`, which computes nothing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a row",
    label = "not a row",
    note = "what is made is a struct that names its columns: put `#[derive(Row)]` on it"
)]
pub trait OutputRow: Sized {
    /// One block for each column.
    type Blocks;

    fn computed() -> Vec<Computed>;
    fn blocks(rows: usize) -> Self::Blocks;
    fn blank() -> Self;
    fn put(self, blocks: &mut Self::Blocks, slot: usize);
    fn keep(blocks: &mut Self::Blocks, positions: &[u16]);
    fn flush(blocks: &mut Self::Blocks, count: usize);
    fn finish(blocks: Self::Blocks) -> Result<Vec<Node>, String>;
}

/// One column that a row makes.
#[derive(Debug, Clone)]
pub struct Computed {
    pub field: Field,
    /// The unit that the column is to have, if it is a timestamp of another than microseconds.
    pub unit: Option<TimeUnit>,
}

impl Computed {
    pub fn of<F: OutputField>(name: &str) -> Self {
        let field = Field { name: name.to_owned(), format: F::format(), nullable: F::NULLABLE, children: 0 };
        Self { field, unit: None }
    }

    pub fn timestamp<F: OutputField + Moment>(name: &str, unit: TimeUnit) -> Self {
        let mut computed = Self::of::<F>(name);
        unit.format().clone_into(&mut computed.field.format);
        computed.unit = (unit != TimeUnit::Microsecond).then_some(unit);
        computed
    }
}

/// The field types to which `#[row(unit = "…")]` applies.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no unit",
    label = "`unit` is for Timestamp and Option<Timestamp>"
)]
pub trait Moment {}
impl Moment for Timestamp {}
impl Moment for Option<Timestamp> {}

/// Turns a finished column of microseconds into `unit`, rounding down.
pub fn rescale(node: &mut Node, unit: TimeUnit) {
    let divisor = match unit {
        TimeUnit::Second => 1_000_000,
        TimeUnit::Millisecond => 1_000,
        // Finer units than a Timestamp's own are not offered by `#[row(unit)]`.
        TimeUnit::Microsecond | TimeUnit::Nanosecond => return,
    };
    if let Some(values) = node.buffers.get_mut(1) {
        let (moments, _) = values.as_chunks_mut::<8>();
        for moment in moments {
            *moment = i64::from_le_bytes(*moment).div_euclid(divisor).to_le_bytes();
        }
    }
}

/// Finishes one column; an error names it.
pub fn finish<F: OutputField>(name: &str, block: F::Block) -> Result<Node, String> {
    block.finish().map_err(|why| format!("column `{name}` cannot be returned: {why}"))
}

impl OutputRow for () {
    type Blocks = ();

    fn computed() -> Vec<Computed> {
        Vec::new()
    }

    fn blocks(_rows: usize) {}

    fn blank() {}

    #[inline(always)]
    fn put(self, _blocks: &mut (), _slot: usize) {}

    fn keep(_blocks: &mut (), _positions: &[u16]) {}

    fn flush(_blocks: &mut (), _count: usize) {}

    fn finish(_blocks: ()) -> Result<Vec<Node>, String> {
        Ok(Vec::new())
    }
}

macro_rules! number {
    ($($type:ty, $raw:ty, $format:literal, |$value:ident| $unwrap:expr;)*) => {$(
        impl OutputField for $type {
            type Block = Numbers<$raw>;
            const NULLABLE: bool = false;

            fn format() -> String {
                $format.to_owned()
            }

            #[inline(always)]
            fn blank() -> Self {
                Self::default()
            }

            #[inline(always)]
            fn put(self, block: &mut Self::Block, slot: usize) {
                let $value = self;
                block.put(slot, $unwrap);
            }
        }
    )*};
}

number! {
    i8, i8, "c", |value| value;
    i16, i16, "s", |value| value;
    i32, i32, "i", |value| value;
    i64, i64, "l", |value| value;
    u8, u8, "C", |value| value;
    u16, u16, "S", |value| value;
    u32, u32, "I", |value| value;
    u64, u64, "L", |value| value;
    f32, f32, "f", |value| value;
    f64, f64, "g", |value| value;
    Date, i32, "tdD", |date| date.0;
    Timestamp, i64, "tsu:", |moment| moment.0;
}

impl<const PRECISION: u8, const SCALE: u8> OutputField for Decimal<PRECISION, SCALE> {
    type Block = Numbers<i128>;
    const NULLABLE: bool = false;

    fn format() -> String {
        Self::format()
    }

    fn blank() -> Self {
        Self(0)
    }

    fn put(self, block: &mut Self::Block, slot: usize) {
        block.put(slot, self.0);
    }
}

impl OutputField for bool {
    type Block = Flags;
    const NULLABLE: bool = false;

    fn format() -> String {
        "b".to_owned()
    }

    #[inline(always)]
    fn blank() -> Self {
        false
    }

    #[inline(always)]
    fn put(self, block: &mut Flags, slot: usize) {
        block.put(slot, self);
    }
}

macro_rules! bytes {
    ($($type:ty, $format:literal, $blank:expr, |$value:ident| $bytes:expr;)*) => {$(
        impl OutputField for $type {
            type Block = Bytes;
            const NULLABLE: bool = false;

            fn format() -> String {
                $format.to_owned()
            }

            #[inline(always)]
            fn blank() -> Self {
                $blank
            }

            #[inline(always)]
            fn put(self, block: &mut Bytes, slot: usize) {
                let $value = self;
                block.put(slot, $bytes);
            }
        }
    )*};
}

bytes! {
    &str, "u", "", |text| text.as_bytes();
    String, "u", String::new(), |text| text.as_bytes();
    &[u8], "z", &[], |bytes| bytes;
    Vec<u8>, "z", Vec::new(), |bytes| &bytes;
}

impl<F: OutputField> OutputField for Option<F> {
    type Block = Optional<F::Block>;
    const NULLABLE: bool = true;

    fn format() -> String {
        F::format()
    }

    #[inline(always)]
    fn blank() -> Self {
        None
    }

    #[inline(always)]
    fn put(self, block: &mut Self::Block, slot: usize) {
        block.valid.put(slot, self.is_some());
        self.unwrap_or_else(F::blank).put(&mut block.inner, slot);
    }
}
