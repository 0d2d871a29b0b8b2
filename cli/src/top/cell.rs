//! What stands in one place of a table and how it looks, and what is the same for a whole column: plain data.

use super::value::Value;

/// How something looks; what it says stands in the text too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As all.
    Plain,
    /// Well.
    Good,
    /// To be looked at.
    Warning,
    /// Bad.
    Bad,
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// In capitals, with the unit; unique in its table.
    pub title: &'static str,
    /// Words stand left, numbers right.
    pub left: bool,
    /// 0 is always there; where there is no room, the highest goes first.
    pub rank: u8,
    /// The narrowest that it gets, so that it does not move with each number.
    pub least: usize,
    /// Whether a screen leaves it out where no row has it, because it is not configured.
    pub sparse: bool,
}

/// What stands in one place.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// The text, and the order.
    pub value: Value,
    /// How it looks.
    pub tone: Tone,
}
