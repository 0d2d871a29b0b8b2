//! Header bytes that an upstream sent in, the signals in them out: timings, load reports, cache outcomes, quotas.
//!
//! Parsers only: nothing here knows of metrics. Each reads in linear time, and what it cannot read is [`Malformed`],
//! never a guess.

pub mod cache_status;
pub mod number;
pub mod orca;
pub mod rate_limit;
pub mod server_timing;
mod structured;

use std::fmt;

/// Which signal could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// A number in a header of its own.
    Number,
    /// An entry of Server-Timing, or its `dur`.
    ServerTiming,
    /// An ORCA load report.
    LoadReport,
    /// Cache-Status.
    CacheStatus,
    /// Age.
    Age,
    /// One of the rate limit headers.
    RateLimit,
}

impl fmt::Display for Malformed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::Number => "number",
            Self::ServerTiming => "Server-Timing",
            Self::LoadReport => "ORCA load report",
            Self::CacheStatus => "Cache-Status",
            Self::Age => "Age",
            Self::RateLimit => "rate limit",
        };
        write!(out, "malformed {what}")
    }
}

impl std::error::Error for Malformed {}

/// Without the spaces and tabs at both ends (RFC 9110 section 5.6.3).
#[inline(never)]
fn trim(text: &[u8]) -> &[u8] {
    let mut text = text;
    while let Some((b' ' | b'\t', rest)) = text.split_first() {
        text = rest;
    }
    while let Some((b' ' | b'\t', rest)) = text.split_last() {
        text = rest;
    }
    text
}

/// Whether this byte may stand in a token (RFC 9110 section 5.6.2).
#[inline(never)]
fn is_token(byte: u8) -> bool {
    matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'0'..=b'9' | b'A'..=b'Z' | b'^'..=b'z' | b'|' | b'~')
}
