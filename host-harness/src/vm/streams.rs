//! One stream's way through a VM: its parts in, the filter's callbacks called, what the filter asked for done.

use super::{ROOT, Vm};
use crate::abi::state::{Action, Phase};
use crate::error::HostError;
use crate::headers::HeaderMap;
use crate::stream::{
    Completion, LocalReply, Part, Paused, Protocol, Request, Response, ResponseFlags, Side, Stream,
};

impl Vm {
    /// A new stream; its context. With headers the filter is called: context_create, request_headers.
    pub(crate) fn open(&mut self, request: Request, connection: u64) -> Result<u32, HostError> {
        if self.failed {
            return Err(HostError::Failed { vm: self.role });
        }
        self.last_context = self.last_context.checked_add(1).ok_or(HostError::Failed { vm: self.role })?;
        let context = self.last_context;
        let end_of_stream = request.end_of_stream;
        let pairs = request.headers.as_ref().map(|headers| headers.len());
        self.store.data_mut().streams.insert(context, Stream::new(request, connection));
        if let Some(pairs) = pairs {
            self.create(context)?;
            self.headers(context, Side::Request, pairs, end_of_stream)?;
            self.act()?;
        }
        Ok(context)
    }

    /// The response's headers. They do not come where the filter has answered itself, or holds the request back.
    pub(crate) fn respond(&mut self, context: u32, response: Response) -> Result<(), HostError> {
        let Some(stream) = self.stream_mut(context) else { return Ok(()) };
        let held = stream.request_flow.paused.is_some();
        if stream.local.is_some() || stream.closed || held || stream.response.is_some() {
            return Ok(());
        }
        let pairs = response.headers.len();
        stream.response = Some(response.headers);
        stream.end.code = Some(response.code);
        if !stream.created {
            return Ok(());
        }
        self.headers(context, Side::Response, pairs, response.end_of_stream)?;
        self.act()
    }

    /// More of a body, or the trailers. Of a response that does not come there is none.
    pub(crate) fn pass(&mut self, context: u32, side: Side, part: Part) -> Result<(), HostError> {
        let Some(stream) = self.stream_mut(context) else { return Ok(()) };
        if let (Side::Request, Part::Body(bytes, _)) = (side, &part) {
            stream.received += bytes.len() as u64;
        }
        let comes = match side {
            Side::Request => stream.local.is_none(),
            Side::Response => stream.local.is_none() && stream.response.is_some(),
        };
        if comes {
            self.part(context, side, part)?;
            self.act()?;
        }
        Ok(())
    }

    /// The end: log (which creates the context where nobody has), done, delete.
    ///
    /// Envoy does not log an HTTP/3 stream that ended well; where nothing else has told the filter of it, nothing does.
    pub(crate) fn finish(&mut self, context: u32, end: Completion) -> Result<(), HostError> {
        let Some(stream) = self.stream_mut(context) else { return Ok(()) };
        // What the filter has answered, or kept from happening, is not what was recorded.
        let unanswered = stream.closed || stream.request_flow.paused.is_some();
        let own = stream.local.is_some() || unanswered;
        let code = if own { stream.end.code } else { end.code };
        stream.end = Completion { code, ..end };
        let reset = stream.end.flags.intersects(ResponseFlags::RESET) || stream.closed;
        let logged = stream.protocol != Some(Protocol::Http3) || reset;
        let created = stream.created;
        if logged && !created {
            self.create(context)?;
        }
        if logged {
            self.call(Phase::Log, context, self.exports.log.clone(), context)?;
        }
        if logged || created {
            // A filter that answers false is not waited for: neither does Envoy.
            self.call(Phase::Done, context, self.exports.done.clone(), context)?;
            self.call(Phase::Delete, context, self.exports.delete.clone(), context)?;
        }
        let state = self.store.data_mut();
        state.actions.clear();
        state.streams.remove(&context);
        Ok(())
    }

    /// A stream that has not ended.
    pub(crate) fn stream(&self, context: u32) -> Option<&Stream> {
        self.store.data().streams.get(&context)
    }

    pub(crate) fn stream_mut(&mut self, context: u32) -> Option<&mut Stream> {
        self.store.data_mut().streams.get_mut(&context)
    }

    fn create(&mut self, context: u32) -> Result<(), HostError> {
        if let Some(stream) = self.stream_mut(context) {
            stream.created = true;
        }
        self.call(Phase::ContextCreate, context, self.exports.context_create.clone(), (context, ROOT))
            .map(drop)
    }

    fn headers(&mut self, context: u32, side: Side, pairs: u32, end: bool) -> Result<(), HostError> {
        let Some(callback) = self.exports.headers(side) else { return Ok(()) };
        if let Some(stream) = self.stream_mut(context) {
            stream.flow_mut(side).headers_live = true;
        }
        let phase = match side {
            Side::Request => Phase::RequestHeaders,
            Side::Response => Phase::ResponseHeaders,
        };
        let answer = self.call(phase, context, Some(callback), (context, pairs, u32::from(end)))?;
        if let Some(stream) = self.stream_mut(context) {
            let flow = stream.flow_mut(side);
            flow.headers_live = goes_on(answer).is_none();
            flow.paused = flow.headers_live.then_some(Paused::Everything);
        }
        Ok(())
    }

    fn part(&mut self, context: u32, side: Side, part: Part) -> Result<(), HostError> {
        let Some(stream) = self.stream_mut(context).filter(|stream| !stream.closed) else { return Ok(()) };
        let flow = stream.flow_mut(side);
        if flow.paused == Some(Paused::Everything) {
            flow.held.push_back(part);
            return Ok(());
        }
        match part {
            Part::Body(bytes, end) => self.body(context, side, &bytes, end),
            Part::Trailers(trailers) => self.trailers(context, side, trailers),
        }
    }

    fn body(&mut self, context: u32, side: Side, bytes: &[u8], end: bool) -> Result<(), HostError> {
        let Some(stream) = self.store.data_mut().streams.get_mut(&context) else { return Ok(()) };
        stream.answering |= side == Side::Response;
        let callback = self.exports.body(side).filter(|_| stream.created);
        let flow = stream.flow_mut(side);
        flow.body.extend_from_slice(bytes);
        let size = flow.body.len() as u32;
        flow.body_live = true;
        let phase = match side {
            Side::Request => Phase::RequestBody,
            Side::Response => Phase::ResponseBody,
        };
        let answer = self.call(phase, context, callback, (context, size, u32::from(end)))?;
        if let Some(stream) = self.stream_mut(context) {
            let flow = stream.flow_mut(side);
            flow.body_live = false;
            flow.buffering = goes_on(answer).is_none();
            match goes_on(answer) {
                Some(()) => flow.release(),
                None => flow.paused = Some(Paused::Body),
            }
        }
        Ok(())
    }

    fn trailers(&mut self, context: u32, side: Side, trailers: HeaderMap) -> Result<(), HostError> {
        let Some(stream) = self.store.data_mut().streams.get_mut(&context) else { return Ok(()) };
        let pairs = trailers.len();
        match side {
            Side::Request => stream.request_trailers = Some(trailers),
            Side::Response => stream.trailers = Some(trailers),
        }
        stream.flow_mut(side).trailers_live = true;
        let callback = self.exports.trailers(side).filter(|_| stream.created);
        let phase = match side {
            Side::Request => Phase::RequestTrailers,
            Side::Response => Phase::ResponseTrailers,
        };
        let answer = self.call(phase, context, callback, (context, pairs))?;
        if let Some(stream) = self.stream_mut(context) {
            let flow = stream.flow_mut(side);
            flow.trailers_live = goes_on(answer).is_none();
            if flow.trailers_live {
                flow.paused = Some(Paused::Everything);
            } else {
                flow.release();
            }
        }
        Ok(())
    }

    /// Does what the filter asked for in the callback that has returned.
    pub(super) fn act(&mut self) -> Result<(), HostError> {
        while let Some(action) = self.store.data_mut().actions.pop_front() {
            match action {
                Action::Continue(context, side) => self.resume(context, side)?,
                Action::Reply(context, local) => self.reply(context, local)?,
                Action::Close(context) => {
                    if let Some(stream) = self.stream_mut(context) {
                        stream.closed = true;
                    }
                }
            }
        }
        Ok(())
    }

    /// What was held back passes, up to where the filter pauses again.
    fn resume(&mut self, context: u32, side: Side) -> Result<(), HostError> {
        let Some(stream) = self.stream_mut(context) else { return Ok(()) };
        let flow = stream.flow_mut(side);
        (flow.headers_live, flow.trailers_live) = (false, false);
        if flow.paused.is_some() {
            flow.release();
        }
        loop {
            let Some(stream) = self.stream_mut(context) else { return Ok(()) };
            let flow = stream.flow_mut(side);
            if flow.paused == Some(Paused::Everything) {
                return Ok(());
            }
            let Some(part) = flow.held.pop_front() else { return Ok(()) };
            self.part(context, side, part)?;
        }
    }

    /// The filter's own answer takes the place of the upstream's; where the response's body has begun, that is cut off.
    ///
    /// The filter sees its answer pass, unless it has seen the headers of the upstream's.
    fn reply(&mut self, context: u32, local: LocalReply) -> Result<(), HostError> {
        let Some(stream) = self.stream_mut(context) else { return Ok(()) };
        if stream.local.is_some() || stream.closed {
            return Ok(());
        }
        if stream.answering {
            stream.closed = true;
            return Ok(());
        }
        let late = stream.response.is_some();
        let (code, headers, body) = local.response(stream.request.as_ref());
        let pairs = headers.len();
        (stream.request_flow.paused, stream.request_flow.held) = (None, Default::default());
        (stream.response_flow.paused, stream.response_flow.held) = (None, Default::default());
        (stream.response, stream.end.code, stream.local) = (Some(headers), Some(code), Some(local));
        if late {
            stream.response_flow.pass(&body);
            return Ok(());
        }
        self.headers(context, Side::Response, pairs, body.is_empty())?;
        if !body.is_empty() {
            self.part(context, Side::Response, Part::Body(body, true))?;
        }
        Ok(())
    }
}

/// Whether a callback's answer, or that there is none, lets the stream go on.
fn goes_on(answer: Option<u32>) -> Option<()> {
    (answer.unwrap_or(0) == 0).then_some(())
}
