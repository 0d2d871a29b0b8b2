//! What is said of one HTTP stream: when it begins, when it is answered, and when it ends.

mod flags;
#[cfg(feature = "host")]
mod reply;
#[cfg(feature = "host")]
mod state;

pub use flags::ResponseFlags;
#[cfg(feature = "host")]
pub use reply::LocalReply;
#[cfg(feature = "host")]
pub(crate) use reply::grpc_status;
#[cfg(feature = "host")]
pub(crate) use state::{Flow, Part, Paused, Stream};

use crate::headers::HeaderMap;

/// The HTTP version that the client spoke, as `request.protocol` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "their names say it")]
pub enum Protocol {
    Http10,
    Http11,
    Http2,
    Http3,
}

impl Protocol {
    /// Envoy's spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
            Self::Http3 => "HTTP/3",
        }
    }

    /// Reads what logs and browsers write: `HTTP/1.1`, `HTTP/2.0`, `h2`, `http/2`, `h3`, …; `None` for other text.
    pub fn parse(text: &[u8]) -> Option<Self> {
        match text.to_ascii_lowercase().as_slice() {
            b"http/1.0" => Some(Self::Http10),
            b"http/1.1" => Some(Self::Http11),
            b"http/2" | b"http/2.0" | b"h2" | b"h2c" => Some(Self::Http2),
            b"http/3" | b"http/3.0" | b"h3" | b"h3-29" => Some(Self::Http3),
            _ => None,
        }
    }
}

/// What is known when a request arrives.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// `None`: the stream was refused before the filter saw its headers, its first callback is the log.
    pub headers: Option<HeaderMap>,
    /// When it began, nanoseconds since 1970.
    pub time_ns: u64,
    /// HTTP version.
    pub protocol: Option<Protocol>,
    /// Whether no body follows.
    pub end_of_stream: bool,
}

/// What is known when the response's headers arrive.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// With `:status`.
    pub headers: HeaderMap,
    /// The code.
    pub code: u16,
    /// Whether no body follows.
    pub end_of_stream: bool,
}

/// What is known when a stream ends.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Completion {
    /// The code that was sent; `None`: no response.
    pub code: Option<u16>,
    /// Why, where Envoy says.
    pub flags: ResponseFlags,
    /// First byte in to last byte out; `None` where nobody measured.
    pub duration_ns: Option<u64>,
    /// Body bytes received.
    pub request_bytes: u64,
    /// Body bytes sent.
    pub response_bytes: u64,
    /// Address and port of the upstream host; `None` where there was none.
    pub upstream: Option<Vec<u8>>,
}

/// A direction of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "their names say it")]
pub enum Side {
    Request,
    Response,
}
