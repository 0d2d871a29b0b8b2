//! What one VM's hostcalls work on.

use crate::clock::VirtualClock;
use crate::headers::HeaderMap;
use crate::log::{Log, LogLevel, LogLine, VmRole};
use crate::shared_data::SharedData;
use crate::shared_queue::SharedQueues;
use crate::stats::{MetricTable, StatStore};
use crate::stream::{Flow, LocalReply, Side, Stream};
use crate::upstream::{CallAnswer, Calls};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use wasmtime::{Memory, ResourceLimiter, TypedFunc};

/// What the plugin's configuration in Envoy says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plugin {
    /// `config.name`.
    pub name: String,
    /// `config.root_id`.
    pub root_id: String,
    /// `vm_config.vm_id`.
    pub vm_id: String,
    /// `config.configuration`.
    pub configuration: Vec<u8>,
    /// `vm_config.configuration`.
    pub vm_configuration: Vec<u8>,
    /// `vm_config.environment_variables.key_values`.
    pub environment: Vec<(String, String)>,
}

/// What the VMs of one gateway have in common.
#[derive(Debug, Clone)]
pub(crate) struct Common {
    pub(crate) clock: VirtualClock,
    pub(crate) log: Log,
    pub(crate) level: LogLevel,
    pub(crate) plugin: Arc<Plugin>,
    pub(crate) shared: Arc<SharedData>,
    pub(crate) queues: Arc<SharedQueues>,
    /// The clusters that HTTP calls can go to.
    pub(crate) upstreams: Arc<[String]>,
    pub(crate) stats: Arc<StatStore>,
    /// What `random_get` begins with; each VM adds its own number.
    pub(crate) seed: u64,
    pub(crate) max_memory: usize,
    /// How often any of them was entered.
    pub(crate) entries: Arc<AtomicU64>,
    /// How long a callback may take on the real clock.
    pub(crate) callback_limit: Duration,
}

impl Common {
    /// Counts one way into a VM: a callback, or its allocator.
    pub(crate) fn count_entry(&self) {
        self.entries.fetch_add(1, Ordering::Relaxed);
    }
}

/// The callback that is running: it decides what hostcalls may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Initialize,
    ContextCreate,
    VmStart,
    Configure,
    Tick,
    QueueReady,
    HttpCallResponse,
    RequestHeaders,
    RequestBody,
    RequestTrailers,
    ResponseHeaders,
    ResponseBody,
    ResponseTrailers,
    Log,
    Done,
    Delete,
}

impl Phase {
    pub(crate) fn callback(self) -> &'static str {
        match self {
            Self::Initialize => "_initialize",
            Self::ContextCreate => "proxy_on_context_create",
            Self::VmStart => "proxy_on_vm_start",
            Self::Configure => "proxy_on_configure",
            Self::Tick => "proxy_on_tick",
            Self::QueueReady => "proxy_on_queue_ready",
            Self::HttpCallResponse => "proxy_on_http_call_response",
            Self::RequestHeaders => "proxy_on_request_headers",
            Self::RequestBody => "proxy_on_request_body",
            Self::RequestTrailers => "proxy_on_request_trailers",
            Self::ResponseHeaders => "proxy_on_response_headers",
            Self::ResponseBody => "proxy_on_response_body",
            Self::ResponseTrailers => "proxy_on_response_trailers",
            Self::Log => "proxy_on_log",
            Self::Done => "proxy_on_done",
            Self::Delete => "proxy_on_delete",
        }
    }
}

/// The header maps that an HTTP filter can read here, by the ABI's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MapType {
    Request,
    RequestTrailers,
    Response,
    ResponseTrailers,
    /// The answer to an HTTP call.
    Call,
    CallTrailers,
    /// gRPC's maps: never there.
    Grpc,
}

impl MapType {
    pub(crate) fn from_abi(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::Request),
            1 => Some(Self::RequestTrailers),
            2 => Some(Self::Response),
            3 => Some(Self::ResponseTrailers),
            4 | 5 => Some(Self::Grpc),
            6 => Some(Self::Call),
            7 => Some(Self::CallTrailers),
            _ => None,
        }
    }
}

/// What a hostcall asked for that happens when the callback has returned.
#[derive(Debug)]
pub(crate) enum Action {
    Continue(u32, Side),
    Reply(u32, LocalReply),
    Close(u32),
}

/// How much memory a VM may have, and what it was refused.
#[derive(Debug)]
pub(crate) struct Limits {
    pub(crate) max_memory: usize,
    pub(crate) refused: Option<usize>,
}

impl ResourceLimiter for Limits {
    fn memory_growing(&mut self, _: usize, wanted: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let allowed = wanted <= self.max_memory;
        if !allowed {
            self.refused = Some(wanted);
        }
        Ok(allowed)
    }

    fn table_growing(&mut self, _: usize, wanted: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        // V8's limit.
        Ok(wanted <= 10_000_000)
    }
}

/// The store data of one VM.
pub(crate) struct HostState {
    pub(crate) common: Common,
    pub(crate) role: VmRole,
    pub(crate) metrics: MetricTable,
    pub(crate) memory: Option<Memory>,
    pub(crate) allocate: Option<TypedFunc<u32, u32>>,
    pub(crate) limits: Limits,
    /// In `_initialize` and inside the allocator only logging and WASI are allowed.
    pub(crate) restricted: bool,
    pub(crate) phase: Phase,
    pub(crate) root: u32,
    /// The context that hostcalls speak about.
    pub(crate) context: u32,
    pub(crate) streams: BTreeMap<u32, Stream>,
    /// What the filter asked for since somebody last looked: 0 stops the timer.
    pub(crate) tick_request: Option<u32>,
    pub(crate) random: u64,
    pub(crate) calls: Calls,
    /// The answer that `proxy_on_http_call_response` is about.
    pub(crate) answer: Option<CallAnswer>,
    pub(crate) actions: VecDeque<Action>,
    /// For values on their way into the guest.
    pub(crate) scratch: Vec<u8>,
}

impl HostState {
    pub(crate) fn new(common: Common, role: VmRole) -> Self {
        let number = match role {
            VmRole::Canary => 0,
            VmRole::Main => 1,
            VmRole::Worker(number) => number as u64 + 2,
        };
        Self {
            role,
            metrics: MetricTable::new(common.stats.clone()),
            memory: None,
            allocate: None,
            limits: Limits { max_memory: common.max_memory, refused: None },
            restricted: true,
            phase: Phase::Initialize,
            root: 1,
            context: 0,
            streams: BTreeMap::new(),
            tick_request: None,
            random: common.seed.wrapping_add(number),
            calls: Calls::default(),
            answer: None,
            actions: VecDeque::new(),
            scratch: Vec::new(),
            common,
        }
    }

    pub(crate) fn stream(&self) -> Option<&Stream> {
        self.streams.get(&self.context)
    }

    /// A map that may be read now: each in its own callback, later where that has paused, and in the log.
    pub(crate) fn readable(&self, map: MapType) -> Option<&HeaderMap> {
        match map {
            MapType::Call => return self.answer.as_ref().map(|answer| &answer.headers),
            MapType::CallTrailers => return self.answer.as_ref()?.trailers.as_ref(),
            MapType::Grpc => return None,
            _ => {}
        }
        let stream = self.stream()?;
        let (live, headers) = match map {
            MapType::Request => (stream.request_flow.headers_live, &stream.request),
            MapType::RequestTrailers => (stream.request_flow.trailers_live, &stream.request_trailers),
            MapType::Response => (stream.response_flow.headers_live, &stream.response),
            _ => (stream.response_flow.trailers_live, &stream.trailers),
        };
        // The access log knows all but the request's trailers.
        let logged = self.phase == Phase::Log && map != MapType::RequestTrailers;
        headers.as_ref().filter(|_| live || logged)
    }

    /// A map that may be changed and measured now: only in its own callback and while it is paused, not in the log.
    pub(crate) fn writable(&mut self, map: MapType) -> Option<&mut HeaderMap> {
        let stream = self.streams.get_mut(&self.context)?;
        let (live, headers) = match map {
            MapType::Request => (stream.request_flow.headers_live, &mut stream.request),
            MapType::RequestTrailers => (stream.request_flow.trailers_live, &mut stream.request_trailers),
            MapType::Response => (stream.response_flow.headers_live, &mut stream.response),
            MapType::ResponseTrailers => (stream.response_flow.trailers_live, &mut stream.trailers),
            MapType::Call | MapType::CallTrailers | MapType::Grpc => return None,
        };
        headers.as_mut().filter(|_| live)
    }

    /// A body that can be seen now: in its own callback, and while the host buffers it.
    pub(crate) fn body(&mut self, side: Side) -> Option<&mut Vec<u8>> {
        let flow: &mut Flow = self.streams.get_mut(&self.context)?.flow_mut(side);
        (flow.body_live || flow.buffering).then_some(&mut flow.body)
    }

    pub(crate) fn log(&self, level: LogLevel, text: &[u8]) {
        if level >= self.common.level {
            let text = String::from_utf8_lossy(text).into_owned();
            self.common.log.push(LogLine { vm: self.role, time_ns: self.common.clock.now_ns(), level, text });
        }
    }
}
