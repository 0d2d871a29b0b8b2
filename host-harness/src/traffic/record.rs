//! What every format is read into: one exchange as it was recorded, or a part of the input that is none.

use crate::stream::{Protocol, ResponseFlags};

/// Header names (lower case) and values, in order.
pub type Headers = Vec<(Vec<u8>, Vec<u8>)>;

/// One HTTP exchange as it was recorded.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record {
    /// When the request began, nanoseconds since 1970.
    pub time_ns: u64,
    /// `None` where the log does not know.
    pub method: Option<Vec<u8>>,
    /// With the query; `None` where the log does not know.
    pub path: Option<Vec<u8>>,
    /// Host and port; empty where unknown.
    pub host: Vec<u8>,
    /// Whether the scheme is https.
    pub https: bool,
    /// Without pseudo-headers and `host`.
    pub request_headers: Headers,
    /// `None`: no response was sent.
    pub status: Option<u16>,
    /// Without pseudo-headers.
    pub response_headers: Headers,
    /// After the body.
    pub response_trailers: Headers,
    /// Body bytes received.
    pub request_bytes: u64,
    /// Body bytes sent.
    pub response_bytes: u64,
    /// First byte in to last byte out; `None` where nobody measured.
    pub duration_ns: Option<u64>,
    /// Why it ended as it did, where the log says.
    pub flags: ResponseFlags,
    /// HTTP version, where known.
    pub protocol: Option<Protocol>,
    /// Address and port of the upstream host, where known.
    pub upstream: Option<Vec<u8>>,
}

impl Record {
    /// Whether there was a request line that could be read.
    ///
    /// Where there was none Envoy itself answers 400: a filter sees the stream's end only, and no request headers.
    pub fn has_request(&self) -> bool {
        self.method.is_some() || self.path.is_some()
    }
}

/// A part of the input that is no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{}{reason}", match .line { 0 => " ".to_owned(), line => format!("{line}: ") })]
pub struct BadRecord {
    /// The file's name as given, `<stdin>` for `-`.
    pub file: String,
    /// From 1; 0 is the file as a whole.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}
