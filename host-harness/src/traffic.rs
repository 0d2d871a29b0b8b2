//! Recorded traffic of any format in, one kind of record out, one at a time.
//!
//! Lines are read as they are needed, and of logs, which have streams in the order of their end, so many are held back
//! that they come in the order of their start; a HAR, which is one document, is held in memory. gzip and zstd are read as
//! such, whatever the file's name. What cannot be read is one [`BadRecord`] with file, line and reason, and the
//! records after it still come: the caller decides whether it goes on.

mod combined;
mod detect;
mod envoy_json;
mod exchanges;
mod fields;
mod har;
mod input;
mod merge;
mod record;
mod reorder;
mod scenario;
mod url;

pub use detect::Format;
pub use input::Progress;
pub use merge::Merged;
pub use record::{BadRecord, Headers, Record};

use input::{Line, Lines};
use reorder::Reorder;
use std::collections::VecDeque;
use std::io::{BufReader, Read};
use std::path::Path;

/// The records of one input; an iterator.
pub struct Records<'a> {
    file: String,
    source: Source<'a>,
    /// Read before they were asked for.
    ahead: VecDeque<Result<Record, BadRecord>>,
    ignored: u64,
    progress: Progress,
}

/// Reads one line; the error is the reason.
type Parse = fn(&[u8]) -> Result<Record, String>;

enum Source<'a> {
    Unread(Box<dyn Read + 'a>, Format),
    Lines(Lines<'a>, Parse),
    /// The same, where lines stand in the order of their streams' end.
    Ended(Lines<'a>, Parse, Reorder),
    /// What was held back when the input broke off.
    Held(Reorder),
    Made(Box<scenario::Traffic>),
    List(std::vec::IntoIter<Result<Record, BadRecord>>),
    End,
}

impl std::fmt::Debug for Records<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Records").field("file", &self.file).finish_non_exhaustive()
    }
}

/// Opens a file, or standard input for `-`, which only one reader can have: a second one finds what the first left.
pub fn open(path: &Path, format: Format) -> Result<Records<'static>, BadRecord> {
    if path.as_os_str() == "-" {
        // Not locked: whoever opens it twice would wait for himself.
        return Ok(read("<stdin>", std::io::stdin(), format));
    }
    let file = path.display().to_string();
    // Opening a folder succeeds, and reading it would look like a bad line.
    if path.is_dir() {
        return Err(BadRecord { file, line: 0, reason: "this is a folder".to_owned() });
    }
    match std::fs::File::open(path) {
        Ok(content) => {
            // A pipe has no length.
            let known = content.metadata().ok().filter(std::fs::Metadata::is_file);
            let progress = known.map_or_else(Progress::default, |known| Progress::of_file(known.len()));
            Ok(Records { progress: progress.clone(), ..read(&file, progress.counting(content), format) })
        }
        Err(error) => Err(BadRecord { file, line: 0, reason: format!("cannot be opened: {error}") }),
    }
}

/// Records out of any reader; `file` is for error messages.
pub fn read<'a>(file: &str, content: impl Read + 'a, format: Format) -> Records<'a> {
    Records {
        file: file.to_owned(),
        source: Source::Unread(Box::new(content), format),
        ahead: VecDeque::new(),
        ignored: 0,
        progress: Progress::default(),
    }
}

impl<'a> Records<'a> {
    /// When the first record begins, which the clock may begin with; `None` where there is none. Loses nothing.
    pub fn first_time_ns(&mut self) -> Option<u64> {
        loop {
            if let Some(time) = self.ahead.iter().flatten().map(|record| record.time_ns).next() {
                return Some(time);
            }
            let next = self.advance()?;
            self.ahead.push_back(next);
        }
    }

    /// How much has been read, for a progress bar.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// How many entries so far are no traffic of a gateway, such as a browser's `data:` URLs; they are no errors.
    pub fn ignored(&self) -> u64 {
        self.ignored
    }

    fn advance(&mut self) -> Option<Result<Record, BadRecord>> {
        loop {
            match std::mem::replace(&mut self.source, Source::End) {
                Source::Unread(content, format) => {
                    if let Err((line, reason)) = self.begin(content, format) {
                        return Some(Err(self.bad(line, reason)));
                    }
                }
                Source::Lines(mut lines, parse) => {
                    let (line, result) = match lines.next()? {
                        Line::Text(line, text) => (line, parse(text)),
                        Line::Bad(line, reason) => (line, Err(reason)),
                        Line::Broken(line, reason) => return Some(Err(self.bad(line, reason))),
                    };
                    self.source = Source::Lines(lines, parse);
                    return Some(result.map_err(|reason| self.bad(line, reason)));
                }
                Source::Ended(mut lines, parse, mut held) => {
                    if let Some(ready) = held.pop(false) {
                        self.source = Source::Ended(lines, parse, held);
                        return Some(ready);
                    }
                    let bad = match lines.next() {
                        None => {
                            let next = held.pop(true)?;
                            self.source = Source::Ended(lines, parse, held);
                            return Some(next);
                        }
                        Some(Line::Text(line, text)) => match parse(text) {
                            Ok(record) => {
                                held.push(record);
                                None
                            }
                            Err(reason) => Some((line, reason)),
                        },
                        Some(Line::Bad(line, reason)) => Some((line, reason)),
                        Some(Line::Broken(line, reason)) => {
                            self.source = Source::Held(held);
                            return Some(Err(self.bad(line, reason)));
                        }
                    };
                    self.source = Source::Ended(lines, parse, held);
                    if let Some((line, reason)) = bad {
                        return Some(Err(self.bad(line, reason)));
                    }
                }
                Source::Held(mut held) => {
                    let next = held.pop(true)?;
                    self.source = Source::Held(held);
                    return Some(next);
                }
                Source::Made(mut traffic) => {
                    let next = traffic.next()?;
                    self.source = Source::Made(traffic);
                    return Some(Ok(next));
                }
                Source::List(mut list) => {
                    let next = list.next()?;
                    self.source = Source::List(list);
                    return Some(next);
                }
                Source::End => return None,
            }
        }
    }

    /// Finds out what the content is; an error is the line and the reason.
    fn begin(&mut self, content: Box<dyn Read + 'a>, format: Format) -> Result<(), (u64, String)> {
        let unreadable = |error: std::io::Error| (1, format!("cannot be read: {error}"));
        let mut content = input::decompressed(content).map_err(unreadable)?;
        let head = input::head(&mut content).map_err(unreadable)?;
        let format = detect::detect(&head, format).map_err(|reason| (1, reason))?;
        // Several files one after the other may each have begun with one.
        let bom = head.len() - input::without_bom(&head).len();
        let mut head = std::io::Cursor::new(head);
        head.set_position(bom as u64);
        let content = head.chain(content);
        self.source = match format {
            Format::Har => {
                let har = har::parse(&self.file, content);
                self.ignored = har.ignored;
                Source::List(har.records.into_iter())
            }
            Format::Combined => {
                Source::Ended(Lines::new(BufReader::new(content)), combined::parse, Reorder::default())
            }
            Format::EnvoyJson => {
                Source::Ended(Lines::new(BufReader::new(content)), envoy_json::parse, Reorder::default())
            }
            Format::Scenario => {
                // Its text is read at once, which says nothing of how much traffic is made of it.
                self.progress = Progress::default();
                Source::Made(Box::new(scenario::read(content)?))
            }
            Format::Auto | Format::Exchanges => {
                Source::Lines(Lines::new(BufReader::new(content)), exchanges::parse)
            }
        };
        Ok(())
    }

    fn bad(&self, line: u64, reason: String) -> BadRecord {
        BadRecord { file: self.file.clone(), line, reason }
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Record, BadRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        self.ahead.pop_front().or_else(|| self.advance())
    }
}

#[cfg(test)]
mod tests;
