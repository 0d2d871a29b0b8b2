//! What one VM's hostcalls work on.

use crate::clock::VirtualClock;
use crate::headers::HeaderMap;
use crate::log::{Log, LogLevel, LogLine, VmRole};
use crate::shared_data::SharedData;
use crate::stats::{MetricTable, StatStore};
use crate::stream::Stream;
use std::collections::BTreeMap;
use std::sync::Arc;
use wasmtime::{Memory, StoreLimits, StoreLimitsBuilder, TypedFunc};

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
}

/// What the VMs of one gateway have in common.
#[derive(Debug, Clone)]
pub(crate) struct Common {
    pub(crate) clock: VirtualClock,
    pub(crate) log: Log,
    pub(crate) level: LogLevel,
    pub(crate) plugin: Arc<Plugin>,
    pub(crate) shared: Arc<SharedData>,
    pub(crate) stats: Arc<StatStore>,
    /// What `random_get` begins with; each VM adds its own number.
    pub(crate) seed: u64,
    pub(crate) max_memory: usize,
}

/// The callback that is running: it decides what hostcalls may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Initialize,
    ContextCreate,
    VmStart,
    Configure,
    Tick,
    RequestHeaders,
    ResponseHeaders,
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
            Self::RequestHeaders => "proxy_on_request_headers",
            Self::ResponseHeaders => "proxy_on_response_headers",
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
    Response,
    ResponseTrailers,
    /// Request trailers, and gRPC's and HTTP calls' maps: never there.
    Other,
}

impl MapType {
    pub(crate) fn from_abi(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::Request),
            2 => Some(Self::Response),
            3 => Some(Self::ResponseTrailers),
            1 | 4..=7 => Some(Self::Other),
            _ => None,
        }
    }
}

/// The store data of one VM.
pub(crate) struct HostState {
    pub(crate) common: Common,
    pub(crate) role: VmRole,
    pub(crate) metrics: MetricTable,
    pub(crate) memory: Option<Memory>,
    pub(crate) allocate: Option<TypedFunc<u32, u32>>,
    pub(crate) limits: StoreLimits,
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
            limits: StoreLimitsBuilder::new().memory_size(common.max_memory).build(),
            restricted: true,
            phase: Phase::Initialize,
            root: 1,
            context: 0,
            streams: BTreeMap::new(),
            tick_request: None,
            random: common.seed.wrapping_add(number),
            scratch: Vec::new(),
            common,
        }
    }

    pub(crate) fn stream(&self) -> Option<&Stream> {
        self.streams.get(&self.context)
    }

    /// A map that may be read now: each in its own callback, and in the log.
    pub(crate) fn readable(&self, map: MapType) -> Option<&HeaderMap> {
        let stream = self.stream()?;
        match (map, self.phase) {
            (MapType::Request, Phase::RequestHeaders | Phase::Log) => stream.request.as_ref(),
            (MapType::Response, Phase::ResponseHeaders | Phase::Log) => stream.response.as_ref(),
            (MapType::ResponseTrailers, Phase::ResponseTrailers | Phase::Log) => stream.trailers.as_ref(),
            _ => None,
        }
    }

    /// A map that may be changed and measured now: only in its own callback, not in the log.
    pub(crate) fn writable(&mut self, map: MapType) -> Option<&mut HeaderMap> {
        let stream = self.streams.get_mut(&self.context)?;
        match (map, self.phase) {
            (MapType::Request, Phase::RequestHeaders) => stream.request.as_mut(),
            (MapType::Response, Phase::ResponseHeaders) => stream.response.as_mut(),
            (MapType::ResponseTrailers, Phase::ResponseTrailers) => stream.trailers.as_mut(),
            _ => None,
        }
    }

    pub(crate) fn log(&self, level: LogLevel, text: &[u8]) {
        if level >= self.common.level {
            let text = String::from_utf8_lossy(text).into_owned();
            self.common.log.push(LogLine { vm: self.role, time_ns: self.common.clock.now_ns(), level, text });
        }
    }
}
