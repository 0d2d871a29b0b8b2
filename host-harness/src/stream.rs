//! What the host knows of one HTTP stream: its header maps and its figures, as far as they are known by now.

use crate::headers::HeaderMap;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;

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

/// Envoy's response flags, as the bits of the property `response.flags`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ResponseFlags(u64);

/// Short names in the order of their bits.
const FLAGS: [&str; 30] = [
    "LH", "UH", "UT", "LR", "UR", "UF", "UC", "UO", "NR", "DI", "FI", "RL", "UAEX", "RLSE", "DC", "URX",
    "SI", "IH", "DPE", "UMSDR", "RFCF", "NFCF", "DT", "UPE", "NC", "OM", "DF", "DO", "DR", "UDO",
];

impl ResponseFlags {
    /// Envoy's rate limit refused the request.
    pub const RATE_LIMITED: Self = Self(1 << 11);
    /// The client closed the connection.
    pub const DOWNSTREAM_DISCONNECT: Self = Self(1 << 14);
    /// The client closed the connection, or reset the stream.
    pub const RESET: Self = Self(1 << 14 | 1 << 28);

    /// Reads short names with commas between them; the empty text and `-` are no flag. The error is the unknown name.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut bits = 0;
        for name in text.split(',').map(str::trim).filter(|name| !matches!(*name, "" | "-")) {
            let bit = FLAGS.iter().position(|flag| *flag == name).ok_or_else(|| name.to_owned())?;
            bits |= 1 << bit;
        }
        Ok(Self(bits))
    }

    /// The property's value.
    pub fn bits(self) -> u64 {
        self.0
    }

    /// Whether there is no flag.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether any flag of the other is set.
    pub fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl fmt::Display for ResponseFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = FLAGS.iter().enumerate().filter(|(bit, _)| self.0 >> bit & 1 == 1).map(|(_, name)| *name);
        f.write_str(&names.collect::<Vec<_>>().join(","))
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

/// What a filter answered itself, with `proxy_send_local_response`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalReply {
    /// The code.
    pub code: u16,
    /// Headers that the filter adds.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// What the filter says of the reason; in Envoy's log, blanks are `_`.
    pub details: String,
    /// The gRPC status, for gRPC requests; the code's where there is none.
    pub grpc_status: Option<u32>,
}

/// One direction of a stream: what the filter may see of it now, and what it holds back.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    /// Envoy forgets a header map when its callback has answered "go on"; one that pauses keeps it.
    pub(crate) headers_live: bool,
    pub(crate) trailers_live: bool,
    pub(crate) body_live: bool,
    /// Whether the last body callback has paused: from then on the buffer can be seen in every callback.
    pub(crate) buffering: bool,
    /// The chunk that is passing, behind what the filter has made the host buffer.
    pub(crate) body: Vec<u8>,
    pub(crate) paused: Option<Paused>,
    /// What came while the headers were paused.
    pub(crate) held: VecDeque<Part>,
    /// Body bytes that have passed the filter and were not taken yet.
    pub(crate) passed: Vec<u8>,
    /// How many there were in all.
    pub(crate) passed_bytes: u64,
}

impl Flow {
    /// What was held back passes.
    pub(crate) fn release(&mut self) {
        self.paused = None;
        self.passed_bytes += self.body.len() as u64;
        self.passed.append(&mut self.body);
    }

    /// The filter's own body passes, which it does not see.
    pub(crate) fn pass(&mut self, body: &[u8]) {
        self.passed_bytes += body.len() as u64;
        self.passed.extend_from_slice(body);
    }
}

impl LocalReply {
    /// What is sent: code, headers, body. A gRPC client gets its status in headers and no body.
    pub(crate) fn response(&self, request: Option<&HeaderMap>) -> (u16, HeaderMap, Vec<u8>) {
        let grpc = request.and_then(|headers| headers.get(b"content-type")).is_some_and(|value| {
            value.strip_prefix(b"application/grpc").is_some_and(|rest| matches!(rest, [] | [b'+', ..]))
        });
        let code = if grpc { 200 } else { self.code };
        let mut pairs: Vec<(&[u8], Vec<u8>)> = vec![(b":status", code.to_string().into_bytes())];
        if grpc {
            let status = self.grpc_status.map_or_else(|| grpc_status(self.code), u64::from);
            pairs.push((b"content-type", b"application/grpc".to_vec()));
            pairs.push((b"grpc-status", status.to_string().into_bytes()));
            if !self.body.is_empty() {
                pairs.push((b"grpc-message", self.body.clone()));
            }
        } else if !self.body.is_empty() {
            pairs.push((b"content-length", self.body.len().to_string().into_bytes()));
            pairs.push((b"content-type", b"text/plain".to_vec()));
        }
        let standard = pairs.iter().map(|(name, value)| (*name, value.as_slice()));
        let headers = HeaderMap::new(standard.chain(self.headers.iter()));
        (code, headers, if grpc { Vec::new() } else { self.body.clone() })
    }
}

/// The gRPC status that Envoy derives from an HTTP code.
pub(crate) fn grpc_status(code: u16) -> u64 {
    match code {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502..=504 => 14,
        _ => 2,
    }
}

/// Where a filter has paused one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paused {
    /// At the headers or the trailers: nothing that comes later is seen.
    Everything,
    /// In the body: what comes is added to the buffer, and seen with it.
    Body,
}

/// What can come after headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Body(Vec<u8>, bool),
    Trailers(HeaderMap),
}

/// One stream of one VM.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) request: Option<HeaderMap>,
    pub(crate) request_trailers: Option<HeaderMap>,
    pub(crate) response: Option<HeaderMap>,
    pub(crate) trailers: Option<HeaderMap>,
    pub(crate) request_flow: Flow,
    pub(crate) response_flow: Flow,
    /// Whether the response's body has begun.
    pub(crate) answering: bool,
    pub(crate) local: Option<LocalReply>,
    /// The filter has reset it.
    pub(crate) closed: bool,
    pub(crate) end: Completion,
    /// Body bytes that have arrived by now.
    pub(crate) received: u64,
    pub(crate) start_ns: u64,
    pub(crate) connection: u64,
    pub(crate) protocol: Option<Protocol>,
    /// Whether the guest has a context for it.
    pub(crate) created: bool,
    /// What the filter set with `proxy_set_property`.
    pub(crate) filter_state: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Stream {
    pub(crate) fn new(request: Request, connection: u64) -> Self {
        Self {
            request: request.headers,
            request_trailers: None,
            response: None,
            trailers: None,
            request_flow: Flow::default(),
            response_flow: Flow::default(),
            answering: false,
            local: None,
            closed: false,
            end: Completion::default(),
            received: 0,
            start_ns: request.time_ns,
            connection,
            protocol: request.protocol,
            created: false,
            filter_state: BTreeMap::new(),
        }
    }

    pub(crate) fn flow(&self, side: Side) -> &Flow {
        match side {
            Side::Request => &self.request_flow,
            Side::Response => &self.response_flow,
        }
    }

    pub(crate) fn flow_mut(&mut self, side: Side) -> &mut Flow {
        match side {
            Side::Request => &mut self.request_flow,
            Side::Response => &mut self.response_flow,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read_by_their_short_names() {
        assert_eq!(ResponseFlags::parse("DC").map(ResponseFlags::bits), Ok(16384));
        assert_eq!(
            ResponseFlags::parse("UF,URX").map(|f| (f.bits(), f.to_string())),
            Ok((32800, "UF,URX".to_owned()))
        );
        assert_eq!(ResponseFlags::parse("UDO").map(ResponseFlags::bits), Ok(1 << 29));
        assert_eq!(ResponseFlags::parse("-"), Ok(ResponseFlags::default()));
        assert_eq!(ResponseFlags::parse("DC,XX"), Err("XX".to_owned()));
    }
}
