//! A HAR 1.2 document in, its entries as records out, in the order of their start.
//!
//! What an entry becomes says [`entry`]. Entries whose URL is not http, https, ws or wss (`data:`, `blob:`, extensions)
//! never reach a gateway: they are passed over and counted as ignored.
//!
//! Of a document that is cut off or broken the entries before the damage are read, then comes the error.

mod entry;
mod loose;

use super::input::without_bom;
use super::record::{BadRecord, Record};
use entry::entry;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use std::io::Read;

/// What was in the document.
pub(super) struct Har {
    pub(super) records: Vec<Result<Record, BadRecord>>,
    pub(super) ignored: u64,
}

/// Reads a document; never fails as a whole.
pub(super) fn parse(file: &str, mut content: impl Read) -> Har {
    let bad = |line: u64, reason: String| Err(BadRecord { file: file.to_owned(), line, reason });
    let mut bytes = Vec::new();
    let unreadable = content.read_to_end(&mut bytes).err();
    let bytes = without_bom(&bytes);
    let (text, not_utf8) = match std::str::from_utf8(bytes) {
        Ok(text) => (text, false),
        Err(error) => (
            std::str::from_utf8(bytes.get(..error.valid_up_to()).unwrap_or_default()).unwrap_or_default(),
            true,
        ),
    };
    let (entries, end) = entries(text);
    let empty = entries.is_empty() && end.is_ok();
    let mut har = Har { records: Vec::with_capacity(entries.len()), ignored: 0 };
    let mut lines = LineCounter { text, at: 0, line: 1 };
    for raw in entries {
        let line = lines.of(raw);
        match entry(raw.get()) {
            Ok(Some(record)) => har.records.push(Ok(record)),
            Ok(None) => har.ignored += 1,
            Err((within, reason)) => har.records.push(bad(line + within, reason)),
        }
    }
    har.records.sort_by_key(|record| record.as_ref().map_or(0, |record| record.time_ns));
    if let Some(error) = unreadable {
        har.records.push(bad(lines.last(), format!("cannot be read: {error}")));
    } else if not_utf8 {
        har.records.push(bad(lines.last(), "not a HAR: not UTF-8 from here on".to_owned()));
    } else if empty {
        har.records.push(bad(0, "a HAR without entries: there is nothing to replay".to_owned()));
    } else if let Err(error) = end {
        let words = error.to_string();
        let words = words.rsplit_once(" at line ").map_or(words.as_str(), |(words, _)| words);
        let cut = if error.is_eof() { ", the document is cut off" } else { "" };
        har.records
            .push(bad(error.line() as u64, format!("not a HAR: {words} at column {}{cut}", error.column())));
    }
    har
}

/// The raw entries, as many as can be found, and how the document ended.
fn entries(text: &str) -> (Vec<&RawValue>, serde_json::Result<()>) {
    let mut found = Vec::new();
    let mut json = serde_json::Deserializer::from_str(text);
    let end = Level::Top(&mut found).deserialize(&mut json).and_then(|seen| {
        json.end()?;
        seen.then_some(()).ok_or_else(|| serde::de::Error::custom("there is no log.entries in it"))
    });
    (found, end)
}

/// A walk to `log.entries` that keeps what it finds even where the document breaks off later.
enum Level<'s, 'de> {
    Top(&'s mut Vec<&'de RawValue>),
    Log(&'s mut Vec<&'de RawValue>),
    Entries(&'s mut Vec<&'de RawValue>),
}

impl<'de> DeserializeSeed<'de> for Level<'_, 'de> {
    /// Whether the entries were there.
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        match self {
            Self::Entries(_) => deserializer.deserialize_seq(self),
            _ => deserializer.deserialize_map(self),
        }
    }
}

impl<'de> Visitor<'de> for Level<'_, 'de> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Top(_) => "a HAR document",
            Self::Log(_) => "the object log",
            Self::Entries(_) => "the array log.entries",
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let (found, key, top) = match self {
            Self::Top(found) => (found, "log", true),
            Self::Log(found) | Self::Entries(found) => (found, "entries", false),
        };
        let mut seen = false;
        while let Some(name) = map.next_key::<String>()? {
            if name == key {
                let inner = if top { Level::Log(&mut *found) } else { Level::Entries(&mut *found) };
                seen |= map.next_value_seed(inner)?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(seen)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        if let Self::Entries(found) = self {
            while let Some(entry) = list.next_element::<&'de RawValue>()? {
                found.push(entry);
            }
        }
        Ok(true)
    }
}

/// Line numbers of parts of the text, asked for in their order.
struct LineCounter<'a> {
    text: &'a str,
    at: usize,
    line: u64,
}

impl LineCounter<'_> {
    fn of(&mut self, part: &RawValue) -> u64 {
        let at = (part.get().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        self.to(at)
    }

    fn last(&mut self) -> u64 {
        self.to(self.text.len())
    }

    fn to(&mut self, at: usize) -> u64 {
        let passed = self.text.as_bytes().get(self.at..at).unwrap_or_default();
        self.line += passed.iter().filter(|b| **b == b'\n').count() as u64;
        self.at = self.at.max(at);
        self.line
    }
}
