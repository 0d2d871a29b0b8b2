//! Streams and HTTP calls of a gateway: their parts in, the worker's callbacks called, what the filter made of them out.

use super::{FailurePolicy, Gateway, RELOAD_BACKOFF_NS, Timed};
use crate::error::HostError;
use crate::headers::HeaderMap;
use crate::stream::{Completion, LocalReply, Part, Request, Response, Side};
use crate::upstream::{CallAnswer, HttpCall};
use crate::vm::Vm;

/// A stream of a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StreamId {
    vm: usize,
    generation: u32,
    /// 0 where the stream passes without the filter.
    context: u32,
}

/// An HTTP call that a filter has made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallId {
    vm: usize,
    generation: u32,
    token: u32,
}

impl Gateway {
    /// A request arrives at the next worker.
    ///
    /// An error where the filter traps, and [`HostError::Failed`] where it has before and the stream is refused.
    pub fn open(&mut self, request: Request) -> Result<StreamId, HostError> {
        let workers = (self.vms.len() - 1).max(1) as u64;
        let vm = (self.streams % workers) as usize + 1;
        self.streams += 1;
        let connection = self.streams;
        self.reload(vm);
        let generation = self.vms.get(vm).map_or(0, |timed| timed.generation);
        let passes =
            self.policy == FailurePolicy::FailOpen && self.vms.get(vm).is_some_and(|timed| timed.vm.failed());
        let context = if passes {
            0
        } else {
            self.with(vm, generation, |vm| vm.open(request, connection))?.unwrap_or_default()
        };
        Ok(StreamId { vm, generation, context })
    }

    /// More of the request's body passes; `end`: nothing follows. Nothing happens on a VM that has failed.
    pub fn request_body(&mut self, stream: StreamId, bytes: &[u8], end: bool) -> Result<(), HostError> {
        self.pass(stream, Side::Request, Part::Body(bytes.to_vec(), end))
    }

    /// The request's trailers pass. Nothing happens on a VM that has failed.
    pub fn request_trailers(&mut self, stream: StreamId, trailers: HeaderMap) -> Result<(), HostError> {
        self.pass(stream, Side::Request, Part::Trailers(trailers))
    }

    /// A response's headers pass, unless the filter has answered itself or holds the request back. Nothing happens on a
    /// VM that has failed.
    pub fn respond(&mut self, stream: StreamId, response: Response) -> Result<(), HostError> {
        self.with(stream.vm, stream.generation, |vm| vm.respond(stream.context, response)).map(drop)
    }

    /// More of the response's body passes; `end`: nothing follows. Nothing happens on a VM that has failed.
    pub fn response_body(&mut self, stream: StreamId, bytes: &[u8], end: bool) -> Result<(), HostError> {
        self.pass(stream, Side::Response, Part::Body(bytes.to_vec(), end))
    }

    /// A response's trailers pass. Nothing happens on a VM that has failed.
    pub fn trailers(&mut self, stream: StreamId, trailers: HeaderMap) -> Result<(), HostError> {
        self.pass(stream, Side::Response, Part::Trailers(trailers))
    }

    /// A stream ends: log, done, delete. Nothing happens on a VM that has failed.
    pub fn finish(&mut self, stream: StreamId, end: Completion) -> Result<(), HostError> {
        self.with(stream.vm, stream.generation, |vm| vm.finish(stream.context, end)).map(drop)
    }

    /// The headers of one side as they are after the filter; `None` before they came, and when the stream has ended.
    pub fn headers(&self, stream: StreamId, side: Side) -> Option<&HeaderMap> {
        let stream = self.vm(stream)?.stream(stream.context)?;
        match side {
            Side::Request => stream.request.as_ref(),
            Side::Response => stream.response.as_ref(),
        }
    }

    /// Takes the body bytes of one side that have passed the filter since they were taken last.
    pub fn take_body(&mut self, stream: StreamId, side: Side) -> Vec<u8> {
        let known = self.vms.get_mut(stream.vm).filter(|timed| timed.generation == stream.generation);
        let flow = known.and_then(|timed| timed.vm.stream_mut(stream.context)).map(|s| s.flow_mut(side));
        flow.map(|flow| std::mem::take(&mut flow.passed)).unwrap_or_default()
    }

    /// Whether the filter holds one side of the stream back.
    pub fn is_paused(&self, stream: StreamId, side: Side) -> bool {
        let found = self.vm(stream).and_then(|vm| vm.stream(stream.context));
        found.is_some_and(|stream| stream.flow(side).paused.is_some())
    }

    /// Whether the filter has reset the stream.
    pub fn is_closed(&self, stream: StreamId) -> bool {
        self.vm(stream).and_then(|vm| vm.stream(stream.context)).is_some_and(|stream| stream.closed)
    }

    /// What the filter has answered itself.
    pub fn local_reply(&self, stream: StreamId) -> Option<&LocalReply> {
        self.vm(stream)?.stream(stream.context)?.local.as_ref()
    }

    /// Whether the filter exports the callback that sees the bodies of this side.
    pub fn wants_body(&self, side: Side) -> bool {
        self.vms.first().is_some_and(|timed| timed.vm.wants_body(side))
    }

    /// The HTTP calls that nobody has answered, in the order in which each VM made them.
    pub fn calls(&self) -> Vec<(CallId, &HttpCall)> {
        let mut calls = Vec::new();
        for (vm, timed) in self.vms.iter().enumerate() {
            let generation = timed.generation;
            calls.extend(timed.vm.calls().map(|(token, call)| (CallId { vm, generation, token }, call)));
        }
        calls
    }

    /// Answers an HTTP call; false where it has timed out, or its VM has failed.
    pub fn answer(&mut self, call: CallId, answer: CallAnswer) -> Result<bool, HostError> {
        let answered = self.with(call.vm, call.generation, |vm| vm.answer(call.token, answer))?;
        Ok(answered.unwrap_or(false))
    }

    fn pass(&mut self, stream: StreamId, side: Side, part: Part) -> Result<(), HostError> {
        self.with(stream.vm, stream.generation, |vm| vm.pass(stream.context, side, part)).map(drop)
    }

    fn vm(&self, stream: StreamId) -> Option<&Vm> {
        let timed = self.vms.get(stream.vm)?;
        (timed.generation == stream.generation).then_some(&timed.vm)
    }

    /// Replaces a VM that has trapped, where the policy says so and the last one is old enough.
    ///
    /// One that does not start leaves the failed one in its place, as in Envoy.
    fn reload(&mut self, vm: usize) {
        let now = self.now_ns();
        let Some(timed) = self.vms.get_mut(vm) else { return };
        let due = now >= timed.started_ns.saturating_add(RELOAD_BACKOFF_NS);
        if self.policy == FailurePolicy::FailReload && timed.vm.failed() && due {
            let generation = timed.generation + 1;
            timed.started_ns = now;
            if let Ok(new) = Timed::start(&self.filter, &self.common, timed.vm.role(), now, generation) {
                *timed = new;
            }
        }
    }

    /// Runs callbacks of a VM, then what they have set in motion; `None` where the VM is another one by now.
    fn with<T>(
        &mut self,
        vm: usize,
        generation: u32,
        callbacks: impl FnOnce(&mut Vm) -> Result<T, HostError>,
    ) -> Result<Option<T>, HostError> {
        let now = self.now_ns();
        let Some(timed) = self.vms.get_mut(vm).filter(|timed| timed.generation == generation) else {
            return Ok(None);
        };
        let done = timed.run(now, callbacks)?;
        self.tell()?;
        Ok(Some(done))
    }
}
