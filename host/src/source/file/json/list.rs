//! JSON arrays as list columns.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, ListArray, NullBufferBuilder},
    buffer::{OffsetBuffer, ScalarBuffer},
    datatypes::FieldRef,
};
use pelton_core::{job::JsonOptions, types};

use super::{
    column::{Column, column, take},
    fault::Problem,
    scan::Scanner,
};

/// A column of lists. Items behind the last end belong to a list that was not finished.
pub struct List {
    item: FieldRef,
    items: Box<dyn Column>,
    ends: Vec<i32>,
    nulls: NullBufferBuilder,
}

impl List {
    pub fn new(item: FieldRef, options: &JsonOptions) -> Result<Self, String> {
        let items = column(&item, options)?;
        Ok(Self { item, items, ends: vec![0], nulls: NullBufferBuilder::new(0) })
    }

    fn last_end(&self) -> i32 {
        self.ends.last().copied().unwrap_or_default()
    }

    fn append_item(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
        if scanner.peek() == Some(b'n') && scanner.eat_all(b"null") {
            if !self.item.is_nullable() {
                return Err(Problem::Null);
            }
            self.items.append_null();
            return Ok(());
        }
        self.items.append(scanner)
    }
}

impl Column for List {
    fn append(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
        if !scanner.eat(b'[') {
            return Err(Problem::Unfit);
        }
        scanner.skip_blank();
        if !scanner.eat(b']') {
            loop {
                scanner.skip_blank();
                let start = *scanner;
                self.append_item(scanner)
                    .map_err(|problem| problem.of_value("[]", || types::name(self.item.data_type()), start, scanner))?;
                scanner.skip_blank();
                if scanner.eat(b']') {
                    break;
                }
                if !scanner.eat(b',') {
                    return Err(Problem::Syntax("`,` or `]`"));
                }
            }
        }
        self.ends.push(i32::try_from(self.items.len()).map_err(|_| Problem::Range)?);
        self.nulls.append_non_null();
        Ok(())
    }

    fn append_null(&mut self) {
        self.ends.push(self.last_end());
        self.nulls.append_null();
    }

    fn len(&self) -> usize {
        self.ends.len() - 1
    }

    fn truncate(&mut self, len: usize) {
        self.ends.truncate(len + 1);
        self.items.truncate(usize::try_from(self.last_end()).unwrap_or_default());
        self.nulls.truncate(len);
    }

    fn finish(&mut self) -> ArrayRef {
        let ends = OffsetBuffer::new(ScalarBuffer::from(take(&mut self.ends)));
        self.ends.push(0);
        Arc::new(ListArray::new(Arc::clone(&self.item), ends, self.items.finish(), self.nulls.finish()))
    }
}
