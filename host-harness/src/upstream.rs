//! HTTP calls of a filter in, answers out: who makes the call, who answers it, and when it times out.

use crate::headers::HeaderMap;
use std::collections::BTreeMap;

/// A call that a filter has made with `proxy_http_call` and that nobody has answered yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpCall {
    /// The cluster.
    pub upstream: String,
    /// With `:method`, `:path` and `:authority`.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// The trailers.
    pub trailers: HeaderMap,
    /// When Envoy gives up, nanoseconds since 1970; never, where the filter gave the timeout 0.
    pub deadline_ns: Option<u64>,
}

/// An upstream's answer to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallAnswer {
    /// With `:status`.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// The trailers, where there are any.
    pub trailers: Option<HeaderMap>,
}

impl CallAnswer {
    /// A status, a body, and no other header.
    pub fn new(status: u16, body: &[u8]) -> Self {
        let status = status.to_string();
        let headers = HeaderMap::new([(&b":status"[..], status.as_bytes())].into_iter());
        Self { headers, body: body.to_vec(), trailers: None }
    }

    /// What Envoy answers for an upstream that takes too long.
    pub fn timeout() -> Self {
        let body = b"upstream request timeout";
        let pairs: [(&[u8], &[u8]); 3] =
            [(b":status", b"504"), (b"content-length", b"24"), (b"content-type", b"text/plain")];
        Self { headers: HeaderMap::new(pairs.into_iter()), body: body.to_vec(), trailers: None }
    }
}

/// The open calls of one VM, by token.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    open: BTreeMap<u32, HttpCall>,
    last: u32,
}

impl Calls {
    /// Notes a call; its token. The two low bits of a token are its kind, 0 for HTTP.
    pub(crate) fn make(&mut self, call: HttpCall) -> u32 {
        self.last = self.last.wrapping_add(4);
        self.open.insert(self.last, call);
        self.last
    }

    /// The open calls, in the order in which they were made.
    pub(crate) fn open(&self) -> impl Iterator<Item = (u32, &HttpCall)> {
        self.open.iter().map(|(token, call)| (*token, call))
    }

    /// Ends a call; whether it was open.
    pub(crate) fn end(&mut self, token: u32) -> bool {
        self.open.remove(&token).is_some()
    }

    /// The call that times out first.
    pub(crate) fn first_deadline(&self) -> Option<(u64, u32)> {
        self.open.iter().filter_map(|(token, call)| Some((call.deadline_ns?, *token))).min()
    }
}
