//! Several files of records in, one stream of records by time out.
//!
//! Each file is taken to be in the order of time, as logs are. Which file is named first does not matter: rotated
//! logs follow one another, and the logs of several proxies are interleaved.

use host_harness::traffic::{self, BadRecord, Format, Record, Records};
use std::path::PathBuf;

/// The records of all files.
#[derive(Debug)]
pub struct Inputs(Vec<Input>);

#[derive(Debug)]
struct Input {
    records: Records<'static>,
    /// The next, once it has been asked for.
    next: Option<Result<Record, BadRecord>>,
}

impl Inputs {
    /// Opens every file; an error where one cannot be, whatever may be skipped later.
    pub fn open(paths: &[PathBuf], format: Format) -> Result<Self, BadRecord> {
        let open = |path: &PathBuf| {
            // Opening a folder succeeds, and reading it would look like a bad line.
            if path.is_dir() {
                let reason = "this is a folder".to_owned();
                return Err(BadRecord { file: path.display().to_string(), line: 0, reason });
            }
            traffic::open(path, format).map(|records| Input { records, next: None })
        };
        paths.iter().map(open).collect::<Result<_, _>>().map(Self)
    }

    /// When the earliest record begins; `None` where there is none.
    pub fn first_time_ns(&mut self) -> Option<u64> {
        self.0.iter_mut().filter_map(|input| input.records.first_time_ns()).min()
    }

    /// How many entries so far are no traffic of a gateway.
    pub fn ignored(&self) -> u64 {
        self.0.iter().map(|input| input.records.ignored()).fold(0, u64::saturating_add)
    }
}

impl Iterator for Inputs {
    type Item = Result<Record, BadRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        for input in &mut self.0 {
            if input.next.is_none() {
                input.next = input.records.next();
            }
        }
        // What is no record has no time: it comes at once. Of equal times the first named file's comes first.
        let time = |input: &Input| match &input.next {
            Some(Ok(record)) => Some((1, record.time_ns)),
            Some(Err(_)) => Some((0, 0)),
            None => None,
        };
        let earliest =
            self.0.iter_mut().filter(|input| input.next.is_some()).min_by_key(|input| time(input))?;
        earliest.next.take()
    }
}
