//! Raw bytes in; decompressed bytes and numbered lines out.

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What is looked at to tell the format.
const HEAD: u64 = 64 * 1024;
/// No line of a log is longer.
const LONGEST_LINE: usize = 1024 * 1024;

/// Undoes gzip or zstd where the first bytes say so.
pub(super) fn decompressed<'a>(content: impl Read + 'a) -> std::io::Result<Box<dyn Read + 'a>> {
    let mut content = BufReader::with_capacity(HEAD as usize, content);
    Ok(match content.fill_buf()? {
        [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(content)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            Box::new(Zstd { content, decoder: FrameDecoder::new(), inside: false })
        }
        _ => Box::new(content),
    })
}

/// The beginning of the content.
pub(super) fn head(content: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    content.take(HEAD).read_to_end(&mut head)?;
    Ok(head)
}

/// The same without the byte-order marks at its beginning.
pub(super) fn without_bom(mut text: &[u8]) -> &[u8] {
    while let Some(rest) = text.strip_prefix(b"\xef\xbb\xbf") {
        text = rest;
    }
    text
}

/// Whether a line says nothing: it is blank, or a comment.
pub(super) fn is_empty(line: &[u8]) -> bool {
    matches!(without_bom(line).trim_ascii_start(), [] | [b'#', ..])
}

/// zstd frames one after the other.
struct Zstd<R: Read> {
    content: BufReader<R>,
    decoder: FrameDecoder,
    /// Whether the decoder has begun a frame.
    inside: bool,
}

impl<R: Read> Zstd<R> {
    /// Begins the next frame, past those that say that they are to be skipped; false at the end.
    fn begin(&mut self) -> std::io::Result<bool> {
        while !self.content.fill_buf()?.is_empty() {
            match self.decoder.init(&mut self.content) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    std::io::copy(&mut (&mut self.content).take(length.into()), &mut std::io::sink())?;
                }
                Err(error) => return Err(std::io::Error::other(error)),
            }
        }
        Ok(false)
    }
}

impl<R: Read> Read for Zstd<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        loop {
            if !self.inside && !self.begin()? {
                return Ok(0);
            }
            self.inside = true;
            if self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let some = BlockDecodingStrategy::UptoBytes(out.len().max(1));
                self.decoder.decode_blocks(&mut self.content, some).map_err(std::io::Error::other)?;
            }
            match self.decoder.read(out)? {
                0 if self.decoder.is_finished() && !out.is_empty() => self.inside = false,
                0 if !out.is_empty() => {}
                read => return Ok(read),
            }
        }
    }
}

/// How much of the inputs has been read; clones see the same.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    read: Vec<Arc<AtomicU64>>,
    total: Option<u64>,
}

impl Progress {
    /// Of one file of so many bytes.
    pub(super) fn of_file(bytes: u64) -> Self {
        Self { read: vec![Arc::default()], total: Some(bytes) }
    }

    /// Of several inputs; the total is unknown where one's is.
    pub(super) fn of_all<'a>(parts: impl Iterator<Item = &'a Self> + Clone) -> Self {
        let total = parts.clone().map(|part| part.total).sum();
        Self { read: parts.flat_map(|part| part.read.clone()).collect(), total }
    }

    /// Bytes read so far, as they are in the files: compressed where these are.
    pub fn read(&self) -> u64 {
        self.read.iter().map(|read| read.load(Relaxed)).sum()
    }

    /// Bytes in all; `None` for standard input and made-up traffic.
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// A reader that counts into this one.
    pub(super) fn counting<R: Read>(&self, content: R) -> Counting<R> {
        Counting { content, read: self.read.first().cloned().unwrap_or_default() }
    }
}

/// Counts what passes.
pub(super) struct Counting<R> {
    content: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let read = self.content.read(out)?;
        self.read.fetch_add(read as u64, Relaxed);
        Ok(read)
    }
}

/// One line, or what is in its place.
pub(super) enum Line<'a> {
    /// Its number from 1, and its text without the line end.
    Text(u64, &'a [u8]),
    /// A line that is not looked at; more follow.
    Bad(u64, String),
    /// The input cannot be read on.
    Broken(u64, String),
}

/// The lines of an input that are not blank and do not begin with `#`.
pub(super) struct Lines<'a> {
    content: Box<dyn BufRead + 'a>,
    line: Vec<u8>,
    number: u64,
}

impl<'a> Lines<'a> {
    pub(super) fn new(content: impl BufRead + 'a) -> Self {
        Self { content: Box::new(content), line: Vec::new(), number: 0 }
    }

    /// The next line; `None` at the end.
    pub(super) fn next(&mut self) -> Option<Line<'_>> {
        loop {
            self.line.clear();
            self.number += 1;
            let limit = LONGEST_LINE as u64 + 1;
            match (&mut self.content).take(limit).read_until(b'\n', &mut self.line) {
                Ok(0) => return None,
                Err(error) => return Some(Line::Broken(self.number, format!("cannot be read: {error}"))),
                Ok(_) if self.line.len() > LONGEST_LINE && !self.line.ends_with(b"\n") => {
                    return Some(self.skip());
                }
                Ok(_) => {}
            }
            if !is_empty(&self.line) {
                break;
            }
        }
        Some(Line::Text(self.number, without_bom(&self.line).trim_ascii_end()))
    }

    /// Passes over the rest of a line that is too long.
    fn skip(&mut self) -> Line<'_> {
        match self.content.skip_until(b'\n') {
            Ok(_) => Line::Bad(self.number, format!("longer than {LONGEST_LINE} bytes: not a log line")),
            Err(error) => Line::Broken(self.number, format!("cannot be read: {error}")),
        }
    }
}
