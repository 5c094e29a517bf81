//! JSON objects as one value for each of several columns: a row, or a struct within it.
//!
//! Writers put the keys of their objects in the same order nearly always. So an object remembers which key came
//! at which place ([`KeyOrder`]), and compares the input with that before it looks anything up.

use std::{collections::HashMap, sync::Arc};

use arrow::{
    array::{ArrayRef, NullBufferBuilder, StructArray},
    datatypes::Fields,
};
use pelton_core::{job::JsonOptions, types};

use super::{
    column::{Column, column},
    fault::Problem,
    scan::Scanner,
    string::unescape,
};

/// Columns that are filled from objects, one value each.
pub struct Object {
    fields: Fields,
    columns: Vec<Box<dyn Column>>,
    order: KeyOrder,
}

impl Object {
    pub fn new(fields: Fields, options: &JsonOptions) -> Result<Self, String> {
        let columns = fields.iter().map(|field| column(field, options)).collect::<Result<_, _>>()?;
        let order = KeyOrder::new(&fields);
        Ok(Self { fields, columns, order })
    }

    /// Reads an object as value number `row` of each column. After an error, `truncate(row)`.
    pub fn read(&mut self, scanner: &mut Scanner<'_>, row: usize) -> Result<(), Problem> {
        if !scanner.eat(b'{') {
            return Err(Problem::Unfit);
        }
        let mut filled = 0;
        let mut place = 0;
        scanner.skip_blank();
        if !scanner.eat(b'}') {
            loop {
                match self.order.key(scanner, &mut place)? {
                    Some(index) => filled += self.read_member(index, scanner, row)?,
                    None => {
                        scanner.skip_value()?;
                    }
                }
                scanner.skip_blank();
                if !scanner.eat(b',') {
                    if scanner.eat(b'}') {
                        break;
                    }
                    return Err(Problem::Syntax("`,` or `}`"));
                }
                scanner.skip_blank();
            }
        }
        if filled < self.columns.len() { self.fill(row) } else { Ok(()) }
    }

    /// Reads a value into one column; answers how many columns that filled. Of two members with the same key
    /// the last one counts.
    #[inline]
    fn read_member(&mut self, index: usize, scanner: &mut Scanner<'_>, row: usize) -> Result<usize, Problem> {
        let (Some(column), Some(field)) = (self.columns.get_mut(index), self.fields.get(index)) else { return Ok(0) };
        let again = column.len() > row;
        if again {
            column.truncate(row);
        }
        let start = *scanner;
        let result = if scanner.peek() == Some(b'n') && scanner.eat_all(b"null") {
            if field.is_nullable() {
                column.append_null();
                Ok(())
            } else {
                Err(Problem::Null)
            }
        } else {
            column.append(scanner)
        };
        match result {
            Ok(()) => Ok(usize::from(!again)),
            Err(problem) => Err(problem.of_value(field.name(), || types::name(field.data_type()), start, scanner)),
        }
    }

    /// Appends a null to the columns whose key the object does not have.
    #[cold]
    fn fill(&mut self, row: usize) -> Result<(), Problem> {
        for (column, field) in self.columns.iter_mut().zip(&self.fields) {
            if column.len() > row {
                continue;
            }
            if !field.is_nullable() {
                let nowhere = Scanner::new(&[]);
                let type_name = || types::name(field.data_type());
                return Err(Problem::Missing.of_value(field.name(), type_name, nowhere, &mut { nowhere }));
            }
            column.append_null();
        }
        Ok(())
    }

    pub fn truncate(&mut self, rows: usize) {
        self.columns.iter_mut().for_each(|column| column.truncate(rows));
    }

    pub fn finish(&mut self) -> Vec<ArrayRef> {
        self.columns.iter_mut().map(|column| column.finish()).collect()
    }
}

/// The keys of an object in the order in which they came, and what each is for.
struct KeyOrder {
    columns: HashMap<Box<[u8]>, usize>,
    seen: Vec<SeenKey>,
}

struct SeenKey {
    /// As it stands in the input: quotes, and the colon right behind them.
    token: Box<[u8]>,
    column: Option<usize>,
}

/// Keys that are remembered beside the columns' own: objects whose keys are data must not fill the memory.
const SEEN_OTHERS_MAX: usize = 64;

impl KeyOrder {
    fn new(fields: &Fields) -> Self {
        let columns = fields.iter().enumerate().map(|(index, field)| (field.name().as_bytes().into(), index)).collect();
        Self { columns, seen: Vec::new() }
    }

    /// Reads a key and its colon; answers its column. `place` counts the object's keys.
    #[inline]
    fn key(&mut self, scanner: &mut Scanner<'_>, place: &mut usize) -> Result<Option<usize>, Problem> {
        if let Some(seen) = self.seen.get(*place)
            && scanner.eat_all(&seen.token)
        {
            *place += 1;
            scanner.skip_blank();
            return Ok(seen.column);
        }
        self.look_up(scanner, place)
    }

    fn look_up(&mut self, scanner: &mut Scanner<'_>, place: &mut usize) -> Result<Option<usize>, Problem> {
        // Objects that leave keys out find the others further on.
        for (index, seen) in self.seen.iter().enumerate().skip(*place + 1) {
            if scanner.eat_all(&seen.token) {
                *place = index + 1;
                scanner.skip_blank();
                return Ok(seen.column);
            }
        }
        if scanner.peek() != Some(b'"') {
            return Err(Problem::Syntax("a key in quotes"));
        }
        let start = scanner.rest();
        let key = scanner.string()?;
        scanner.colon()?;
        let column = if key.escaped {
            let mut unescaped = Vec::new();
            // Half a surrogate pair is grammatical, and no column's name.
            unescape(key.bytes, &mut unescaped).ok().and_then(|()| self.columns.get(unescaped.as_slice()))
        } else {
            self.columns.get(key.bytes)
        };
        let column = column.copied();
        let token = start.get(..key.bytes.len() + 3).filter(|token| token.ends_with(b":"));
        if let Some(token) = token
            && self.seen.len() < self.columns.len() + SEEN_OTHERS_MAX
            && *place <= self.seen.len()
            && !self.seen.iter().any(|seen| *seen.token == *token)
        {
            self.seen.insert(*place, SeenKey { token: token.into(), column });
            *place += 1;
        }
        Ok(column)
    }
}

/// A column of structs.
pub struct StructColumn {
    object: Object,
    nulls: NullBufferBuilder,
}

impl StructColumn {
    pub fn new(object: Object) -> Self {
        Self { object, nulls: NullBufferBuilder::new(0) }
    }
}

impl Column for StructColumn {
    fn append(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
        self.object.read(scanner, self.nulls.len())?;
        self.nulls.append_non_null();
        Ok(())
    }

    fn append_null(&mut self) {
        self.object.columns.iter_mut().for_each(|column| column.append_null());
        self.nulls.append_null();
    }

    fn len(&self) -> usize {
        self.nulls.len()
    }

    fn truncate(&mut self, len: usize) {
        self.object.truncate(len);
        self.nulls.truncate(len);
    }

    fn finish(&mut self) -> ArrayRef {
        let rows = self.nulls.len();
        let columns = self.object.finish();
        let array = StructArray::try_new_with_length(self.object.fields.clone(), columns, self.nulls.finish(), rows);
        Arc::new(array.expect("columns are of their fields' types and end together"))
    }
}
