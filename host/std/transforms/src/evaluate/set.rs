//! `in (…)`: a set of literals, in the order in which they can be searched.

use std::rc::Rc;

use super::text;
use crate::{
    types::Kind,
    vector::{Bits, Scalar, Values, Vector, map},
};

/// The values of a list, sorted; which of the lists is used depends on the kind.
#[derive(Debug, Clone, Default)]
pub struct Set {
    whole: Vec<i64>,
    /// Floats by their bits, so that NaN is found and -0 is 0.
    real: Vec<u64>,
    wide: Vec<i128>,
    text: Vec<Rc<str>>,
    bools: [bool; 2],
    has_null: bool,
}

/// Up to so many, looking at each is faster than searching.
const SHORT: usize = 8;

fn bits_of(value: f64) -> u64 {
    // -0 + 0 is 0.
    if value.is_nan() { f64::NAN.to_bits() } else { (value + 0.0).to_bits() }
}

#[inline(always)]
fn has<T: Ord + Copy>(list: &[T], value: T) -> bool {
    if list.len() <= SHORT {
        list.iter().fold(false, |any, one| any | (*one == value))
    } else {
        list.binary_search(&value).is_ok()
    }
}

impl Set {
    pub fn new<'a>(kind: Kind, values: impl Iterator<Item = &'a Scalar>) -> Self {
        let mut set = Self::default();
        for value in values {
            match value {
                Scalar::Null => set.has_null = true,
                Scalar::Bool(value) => {
                    if let Some(flag) = set.bools.get_mut(usize::from(*value)) {
                        *flag = true;
                    }
                }
                Scalar::Whole(value) => set.whole.push(*value),
                Scalar::Real(value) => set.real.push(bits_of(*value)),
                Scalar::Wide(value) => set.wide.push(*value),
                Scalar::Text(text) => set.text.push(Rc::clone(text)),
            }
        }
        match kind {
            Kind::Whole => set.whole.sort_unstable(),
            Kind::Real => set.real.sort_unstable(),
            Kind::Wide => set.wide.sort_unstable(),
            Kind::Text => set.text.sort_unstable(),
            Kind::Bool | Kind::Presence => {}
        }
        set
    }

    pub fn has_null(&self) -> bool {
        self.has_null
    }

    /// Which values are in the set. Null for null; and for those not found, if the list has a null, as SQL has it.
    pub fn contains<'a>(&self, vector: &Vector<'a>, rows: usize) -> Vector<'a> {
        let lane = |lane: crate::vector::Lane<'_, u8>| match lane.view() {
            crate::vector::View::Rows(flags) => Bits::from_flags(flags),
            crate::vector::View::Same(flag) => Bits::of(flag == 1, rows),
        };
        let found = match &vector.values {
            Values::Whole(values) => lane(map(values.view(), |value| u8::from(has(&self.whole, value)))),
            Values::Real(values) => lane(map(values.view(), |value| u8::from(has(&self.real, bits_of(value))))),
            Values::Wide(values) => lane(map(values.view(), |value| u8::from(has(&self.wide, value)))),
            Values::Text(texts) => {
                text::test(texts, rows, |text| self.text.binary_search_by(|one| (**one).cmp(text)).is_ok())
            }
            Values::Bool(bits) => {
                let [has_false, has_true] = self.bools.map(|flag| Bits::of(flag, rows));
                bits.and(&has_true).or(&bits.not(rows).and(&has_false))
            }
            Values::Presence => Bits::zeros(rows),
        };
        let valid = if self.has_null { vector.valid.and(&found) } else { vector.valid.clone() };
        Vector { values: Values::Bool(found), valid }
    }
}
