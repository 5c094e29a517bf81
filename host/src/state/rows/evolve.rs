//! How typed rows become rows of other columns, when the module that owns them is exchanged.

use arrow::{compute::cast, datatypes::SchemaRef};
use pelton_core::evolution::{Evolution, Origin};

use super::{Column, StateRows};

impl StateRows {
    /// The same rows under `new` columns; slots stay as they are.
    pub fn evolve(&mut self, evolution: &Evolution, new: &SchemaRef) {
        let rows = self.rows;
        let mut old: Vec<Option<Column>> = std::mem::take(&mut self.columns).into_iter().map(Some).collect();
        let mut taken = |at: usize| old.get_mut(at).and_then(Option::take).expect("each old column has one heir");
        let column = |(origin, field): (&Origin, &arrow::datatypes::FieldRef)| {
            let mut fresh = Column::new(field.data_type()).expect("the contract's check allows these");
            match origin {
                Origin::Kept(at) => return taken(*at),
                Origin::Added => fresh.grow_to(rows),
                Origin::Widened(at) => {
                    let all: Vec<u32> = (0..rows as u32).collect();
                    let narrow = taken(*at).gather(&all);
                    let wide = cast(&narrow, field.data_type()).expect("a wider type holds every value");
                    fresh.grow_to(rows);
                    fresh.scatter(&all, &wide);
                }
            }
            fresh
        };
        self.columns = evolution.columns.iter().zip(new.fields()).map(column).collect();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::{
        array::{Array, ArrayRef, AsArray, Float64Array, Int32Array, StringArray},
        datatypes::{Float64Type, Int64Type, Schema},
    };
    use pelton_core::types::parse_column;

    use super::*;

    fn schema(columns: &[(&str, &str)]) -> SchemaRef {
        Schema::new(columns.iter().map(|(name, ty)| parse_column(name, ty).unwrap()).collect::<Vec<_>>()).into()
    }

    #[test]
    fn rows_keep_their_slots_and_what_was_in_them() {
        let old = schema(&[("n", "s32?"), ("name", "utf8?"), ("sum", "f64?")]);
        let new = schema(&[("sum", "f64?"), ("n", "s64?"), ("fresh", "utf8?")]);
        let mut rows = StateRows::new(&old);
        let slots = [rows.allocate(), rows.allocate(), rows.allocate()];
        let columns: [ArrayRef; 3] = [
            Arc::new(Int32Array::from(vec![Some(-1), None, Some(7)])),
            Arc::new(StringArray::from(vec![Some("a"), Some("b"), None])),
            Arc::new(Float64Array::from(vec![Some(0.5), Some(1.5), None])),
        ];
        rows.scatter(&slots, &columns);
        rows.release(&[1]);
        rows.evolve(&Evolution::between(&old, &new).unwrap(), &new);
        let gathered = rows.gather(&[0, 1, 2]);
        let sums: Vec<_> = gathered[0].as_primitive::<Float64Type>().iter().collect();
        let numbers: Vec<_> = gathered[1].as_primitive::<Int64Type>().iter().collect();
        assert_eq!((sums, numbers), (vec![Some(0.5), None, None], vec![Some(-1), None, Some(7)]));
        assert_eq!(gathered[2].null_count(), 3);
        assert_eq!(rows.allocate(), 1, "a free slot stays free");
    }
}
