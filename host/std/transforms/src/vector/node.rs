//! Columns that go: a vector as the buffers of its type, with all rows or some.

use bytemuck::NoUninit;
use pelton_guest::dynamic::{Node, Number};

use super::{Made, Texts, Values, Vector, View};
use crate::types::Type;

/// The column of `vector`, of `rows` rows; only those at `kept`, if there is such a list.
pub fn node(vector: &Vector<'_>, ty: &Type, rows: usize, kept: Option<&[u32]>) -> Result<Node, String> {
    let count = kept.map_or(rows, <[u32]>::len);
    let valid = kept.map_or_else(|| vector.valid.clone(), |kept| vector.valid.take(kept));
    let all = Rows { rows, kept };
    let mut buffers = vec![valid.into_validity(count)];
    match &vector.values {
        Values::Bool(bits) => {
            let bits = kept.map_or_else(|| bits.clone(), |kept| bits.take(kept));
            buffers.push(bits.into_bitmap(count));
        }
        Values::Whole(lane) => buffers.push(whole(lane.view(), ty, &all)),
        Values::Real(lane) if *ty == Type::Number(Number::F32) => {
            buffers.push(all.bytes(lane.view(), |value| value as f32))
        }
        Values::Real(lane) => buffers.push(all.bytes(lane.view(), |value| value)),
        Values::Wide(lane) if *ty == Type::Number(Number::U64) => {
            buffers.push(all.bytes(lane.view(), |value| value as u64))
        }
        Values::Wide(lane) => buffers.push(all.bytes(lane.view(), |value| value)),
        // What was made is a column already.
        Values::Text(Texts::Made(made)) if kept.is_none() => buffers.extend(made.buffers()),
        Values::Text(texts) => {
            let mut made = Made::with_capacity(count);
            all.each(|row| if vector.valid.get(row) { made.push(texts.get(row)) } else { made.push("") });
            let bytes = made.part().len();
            i32::try_from(bytes).map_err(|_| "a column has more than 2 GiB of text in one batch".to_owned())?;
            buffers.extend(made.buffers());
        }
        Values::Presence => return Err(format!("{} cannot be made", ty.name())),
    }
    // Rows of a batch, whose number came as a u32.
    Ok(Node { rows: count as u32, buffers })
}

/// Whole numbers in the width of their type, into which a cast has made sure that they fit.
fn whole(values: View<'_, i64>, ty: &Type, rows: &Rows<'_>) -> Vec<u8> {
    match ty {
        Type::Number(Number::S8 | Number::U8) => rows.bytes(values, |value| value as u8),
        Type::Number(Number::S16 | Number::U16) => rows.bytes(values, |value| value as u16),
        Type::Number(Number::S32 | Number::U32) | Type::Date => rows.bytes(values, |value| value as u32),
        _ => rows.bytes(values, |value| value),
    }
}

/// The rows that go.
struct Rows<'a> {
    rows: usize,
    kept: Option<&'a [u32]>,
}

impl Rows<'_> {
    fn bytes<T: Copy + Default, U: NoUninit>(&self, values: View<'_, T>, of: impl Fn(T) -> U) -> Vec<u8> {
        let made: Vec<U> = match (values, self.kept) {
            (View::Rows(values), None) => values.iter().take(self.rows).map(|value| of(*value)).collect(),
            (values, Some(kept)) => kept.iter().map(|row| of(values.get(*row as usize))).collect(),
            (View::Same(value), None) => vec![of(value); self.rows],
        };
        bytemuck::cast_slice(&made).to_vec()
    }

    fn each(&self, mut of: impl FnMut(usize)) {
        match self.kept {
            Some(kept) => kept.iter().for_each(|row| of(*row as usize)),
            None => (0..self.rows).for_each(of),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vector::{Builder, Scalar};

    #[test]
    fn kept_rows_leave_narrowed_with_their_nulls() {
        let ty = Type::Number(Number::S16);
        let mut builder = Builder::new(ty.kind(), 3);
        for scalar in [Scalar::Whole(-2), Scalar::Null, Scalar::Whole(300)] {
            builder.push(&scalar);
        }
        let vector = builder.finish().expect("no text");
        let whole = node(&vector, &ty, 3, None).expect("it can be made");
        assert_eq!((whole.rows, whole.buffers[0][0] & 7), (3, 0b101));
        assert_eq!(whole.buffers[1].len(), 6);
        let kept = node(&vector, &ty, 3, Some(&[0, 2])).expect("it can be made");
        assert_eq!(kept.buffers, [vec![], [(-2_i16).to_le_bytes(), 300_i16.to_le_bytes()].concat()]);
        let same = Scalar::Text("a".into()).vector(Type::Text.kind(), 2);
        let node = node(&same, &Type::Text, 2, None).expect("it can be made");
        assert_eq!(node.buffers[2], b"aa");
    }
}
