//! Several inputs in, one sequence of records in the order of time out.

use super::Records;
use super::input::Progress;
use super::record::{BadRecord, Record};

/// Records of several inputs, merged: always the earliest of those that come next.
///
/// Each input is taken to be in the order of time, as logs are: rotated logs follow one another, and those of several
/// proxies are interleaved, whichever is named first. What is no record comes as soon as it is met.
#[derive(Debug)]
pub struct Merged<'a> {
    inputs: Vec<Input<'a>>,
}

#[derive(Debug)]
struct Input<'a> {
    records: Records<'a>,
    next: Option<Result<Record, BadRecord>>,
}

impl<'a> Merged<'a> {
    /// Merges inputs; of records of one time the first input's goes first.
    pub fn new(inputs: impl IntoIterator<Item = Records<'a>>) -> Self {
        let begin = |mut records: Records<'a>| Input { next: records.next(), records };
        Self { inputs: inputs.into_iter().map(begin).collect() }
    }

    /// When the earliest record begins, which the clock may begin with; `None` where there is none. Loses nothing.
    pub fn first_time_ns(&mut self) -> Option<u64> {
        let first = |input: &mut Input<'a>| match &input.next {
            Some(Ok(record)) => Some(record.time_ns),
            Some(Err(_)) => input.records.first_time_ns(),
            None => None,
        };
        self.inputs.iter_mut().filter_map(first).min()
    }

    /// How much has been read, for a progress bar; may be kept while the records are taken.
    pub fn progress(&self) -> Progress {
        Progress::of_all(self.inputs.iter().map(|input| input.records.progress()))
    }

    /// How many entries so far are no traffic of a gateway, see [`Records::ignored`].
    pub fn ignored(&self) -> u64 {
        self.inputs.iter().map(|input| input.records.ignored()).sum()
    }
}

impl Iterator for Merged<'_> {
    type Item = Result<Record, BadRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        // An error is earlier than any time.
        let time = |input: &&mut Input<'_>| match &input.next {
            Some(Ok(record)) => Some(record.time_ns),
            _ => None,
        };
        let earliest = self.inputs.iter_mut().filter(|input| input.next.is_some()).min_by_key(time)?;
        std::mem::replace(&mut earliest.next, earliest.records.next())
    }
}
