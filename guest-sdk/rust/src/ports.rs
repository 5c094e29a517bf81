//! The outputs of a transform: one for a row type, several for an enum with `#[derive(Ports)]`.
//!
//! A port's rows are collected in a [`PortSink`]: blocks for its columns, and the row that each came from.

use crate::{
    bindings::{Emitted, Node, Table},
    block::{BLOCK, Block, Numbers},
    output::{Computed, OutputRow},
};

/// All ports of a transform. Implemented by `#[derive(Ports)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an enum of ports",
    note = "put `#[derive(Ports)]` on an enum with one variant for each output"
)]
pub trait Ports: Sized {
    /// One [`PortSink`] for each port.
    type Sinks;

    fn specs() -> Vec<PortSpec>;
    fn sinks(rows: usize) -> Self::Sinks;
    fn push(self, sinks: &mut Self::Sinks, row: u32);
    fn finish(sinks: Self::Sinks) -> Result<Vec<Finished>, String>;
}

/// A port as `open` needs to know it.
#[derive(Debug, Clone)]
pub struct PortSpec {
    pub name: &'static str,
    pub computed: Vec<Computed>,
    /// Its own rules for columns passed; none takes the transform's.
    pub passing: Option<Passing>,
    /// The column that is its event time.
    pub event_time: Option<&'static str>,
}

/// Which columns of the input a port carries on.
#[derive(Debug, Clone, Copy)]
pub struct Passing {
    pub pass: Pass,
    pub drop: &'static [&'static str],
    /// (column of the input, its name on the port)
    pub rename: &'static [(&'static str, &'static str)],
}

/// Which columns pass, if they are not dropped. A computed column takes the place of a passed one of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// Nothing is said: what the kind of operator passes then.
    Unsaid,
    All,
    Only(&'static [&'static str]),
}

impl Passing {
    pub const UNSAID: Self = Self { pass: Pass::Unsaid, drop: &[], rename: &[] };
}

/// The name of the main output of a transform that has one port.
pub const MAIN: &str = "out";

/// The rows of one port, finished. `nodes` are in the order of [`PortSpec::computed`].
#[derive(Debug)]
pub struct Finished {
    pub rows: u32,
    /// None: row for row.
    pub origin: Option<Vec<u8>>,
    pub nodes: Vec<Node>,
}

impl Finished {
    /// Leaves out origins that say that row `i` came from row `i` of `rows`.
    pub fn row_for_row(mut self, rows: usize) -> Self {
        let is_own = |origin: &Vec<u8>| {
            let (origin, _) = origin.as_chunks::<4>();
            origin.len() == rows && (0_u32..).zip(origin).all(|(row, origin)| u32::from_le_bytes(*origin) == row)
        };
        self.origin = self.origin.filter(|origin| !is_own(origin));
        self
    }

    pub fn into_emitted(self, port: u32) -> Emitted {
        Emitted { port, origin: self.origin, computed: Table { rows: self.rows, nodes: self.nodes } }
    }
}

/// The rows of one port while they are made. `Blocks` are those of its row type.
#[derive(Debug)]
pub struct PortSink<Blocks> {
    pub blocks: Blocks,
    pub origin: Numbers<u32>,
    /// Slots of the current block that are taken.
    filled: usize,
    /// Rows flushed.
    flushed: usize,
}

impl<Blocks> PortSink<Blocks> {
    pub fn new<R: OutputRow<Blocks = Blocks>>(rows: usize) -> Self {
        Self { blocks: R::blocks(rows), origin: Numbers::with_capacity(rows), filled: 0, flushed: 0 }
    }

    /// Appends `made`, which came from row `row`.
    #[inline(always)]
    pub fn push<R: OutputRow<Blocks = Blocks>>(&mut self, made: R, row: u32) {
        made.put(&mut self.blocks, self.filled);
        self.origin.put(self.filled, row);
        self.filled += 1;
        if self.filled == BLOCK {
            self.flush::<R>();
        }
    }

    fn flush<R: OutputRow<Blocks = Blocks>>(&mut self) {
        R::flush(&mut self.blocks, self.filled);
        self.origin.flush(self.filled);
        self.flushed += self.filled;
        self.filled = 0;
    }

    pub fn finish<R: OutputRow<Blocks = Blocks>>(mut self) -> Result<Finished, String> {
        self.flush::<R>();
        let rows =
            u32::try_from(self.flushed).map_err(|_| format!("{} rows in one batch are too many", self.flushed))?;
        Ok(Finished { rows, origin: Some(self.origin.into_bytes()), nodes: R::finish(self.blocks)? })
    }
}

/// The ports of a transform whose function makes rows of one type: the main output.
#[derive(Debug)]
pub struct Only<R>(pub R);

impl<R: OutputRow> Ports for Only<R> {
    type Sinks = PortSink<R::Blocks>;

    fn specs() -> Vec<PortSpec> {
        vec![PortSpec { name: MAIN, computed: R::computed(), passing: None, event_time: None }]
    }

    fn sinks(rows: usize) -> Self::Sinks {
        PortSink::new::<R>(rows)
    }

    #[inline(always)]
    fn push(self, sinks: &mut Self::Sinks, row: u32) {
        sinks.push(self.0, row);
    }

    fn finish(sinks: Self::Sinks) -> Result<Vec<Finished>, String> {
        Ok(vec![sinks.finish::<R>()?])
    }
}
