//! What the host keeps of a stream while it lasts: its header maps and its figures, as far as they are known by now.

use super::reply::LocalReply;
use super::{Completion, Protocol, Request, Side};
use crate::headers::HeaderMap;
use std::collections::{BTreeMap, VecDeque};

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
