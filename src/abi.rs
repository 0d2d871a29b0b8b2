//! The proxy-wasm boundary: Envoy's callbacks in, calls on the recorder out; both ports are implemented here.
//!
//! Hostcalls are made directly: the SDK's wrappers panic on a status they do not expect, and a panic is a trap,
//! which ends every stream of the worker. The SDK keeps the life cycle: exports, contexts, the allocator.

#![allow(unsafe_code, reason = "hostcalls pass pointers into the module's own memory")]

use crate::attributes::{Attributes, HeaderMap, HostStatus, Property};
use crate::config::{Config, ConfigErrors};
use crate::metric::Kind;
use crate::recorder::{Recorder, Stream};
use crate::registry::{MetricId, MetricSink};
use crate::shared::{Cas, Machine, SharedData};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::hash::Hasher;
use std::rc::Rc;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: u32, text: *const u8, length: usize) -> u32;
    fn proxy_get_buffer_bytes(
        buffer: u32,
        start: usize,
        length: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_get_property(path: *const u8, length: usize, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, length: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, offset: i64) -> u32;
    fn proxy_record_metric(id: u32, value: u64) -> u32;
    fn proxy_get_metric(id: u32, value: *mut u64) -> u32;
    fn proxy_get_shared_data(
        key: *const u8,
        length: usize,
        data: *mut *mut u8,
        size: *mut usize,
        cas: *mut u32,
    ) -> u32;
    fn proxy_set_shared_data(key: *const u8, length: usize, data: *const u8, size: usize, cas: u32) -> u32;
    fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
}

#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    fn clock_time_get(clock: u32, precision: u64, time: *mut u64) -> u16;
    fn random_get(bytes: *mut u8, length: usize) -> u16;
}

/// WASI's clocks: the time of day, and Envoy's monotonic clock.
const REALTIME: u32 = 0;
const MONOTONIC: u32 = 1;

const PLUGIN_CONFIGURATION: u32 = 7;

proxy_wasm::main! {{
    // Also installs the hook that writes a panic's message to Envoy's log.
    proxy_wasm::set_log_level(LogLevel::Warn);
    proxy_wasm::set_root_context(|_| Box::<Root>::default());
}}

/// One configuration in one VM.
#[derive(Default)]
struct Root {
    /// Shared with the streams; the VM has one thread, and no callback runs inside another.
    recorder: Option<Rc<RefCell<Recorder>>>,
    #[cfg(feature = "fault-injection")]
    faults: faults::SharedFaults,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        let document = read_configuration(size).unwrap_or_default();
        match Config::from_plugin(&document) {
            Ok(config) => {
                let mut recorder = Recorder::new(&config);
                recorder.start(fingerprint(&document), &mut Envoy);
                self.recorder = Some(Rc::new(RefCell::new(recorder)));
                #[cfg(feature = "fault-injection")]
                self.faults.configure(&config.service);
                let period = u32::try_from(config.tick.as_millis()).unwrap_or(u32::MAX);
                // SAFETY: no memory is passed. Without a timer everything is still counted.
                let _status = unsafe { proxy_set_tick_period_milliseconds(period) };
                true
            }
            Err(errors) => {
                log_refusal(&errors);
                false
            }
        }
    }

    fn on_tick(&mut self) {
        let recorder = self.recorder.as_ref().and_then(|recorder| recorder.try_borrow_mut().ok());
        let Some(ticked) = recorder.map(|mut recorder| recorder.tick(&mut Envoy)) else { return };
        if let Some(warning) = ticked.warning {
            log(LogLevel::Warn, &warning.to_string());
        }
        #[cfg(feature = "fault-injection")]
        self.faults.on_tick(ticked.leads);
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(StreamContext {
            recorder: self.recorder.clone(),
            stream: Stream::New,
            #[cfg(feature = "fault-injection")]
            faults: self.faults.clone(),
        }))
    }
}

/// One stream.
struct StreamContext {
    recorder: Option<Rc<RefCell<Recorder>>>,
    stream: Stream,
    #[cfg(feature = "fault-injection")]
    faults: faults::SharedFaults,
}

impl StreamContext {
    /// Runs `act` on the recorder; nothing where there is no configuration.
    fn record(&mut self, act: impl FnOnce(&mut Recorder, &mut Stream)) {
        if let Some(recorder) = &self.recorder
            && let Ok(mut recorder) = recorder.try_borrow_mut()
        {
            act(&mut recorder, &mut self.stream);
        }
    }
}

impl Context for StreamContext {
    /// Envoy never calls `on_log` for HTTP/3 streams; for others the stream is finished by now.
    fn on_done(&mut self) -> bool {
        self.record(|recorder, stream| recorder.finish(stream, &mut Envoy));
        true
    }
}

impl HttpContext for StreamContext {
    fn on_http_request_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        self.record(|recorder, stream| recorder.begin(stream, end_of_stream, &mut Envoy));
        #[cfg(feature = "fault-injection")]
        self.faults.on_request();
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        self.record(|recorder, stream| recorder.response_headers(stream, &mut Envoy));
        Action::Continue
    }

    fn on_http_response_trailers(&mut self, _count: usize) -> Action {
        self.record(|recorder, stream| recorder.response_trailers(stream, &mut Envoy));
        Action::Continue
    }

    fn on_log(&mut self) {
        self.record(|recorder, stream| recorder.finish(stream, &mut Envoy));
    }
}

/// Envoy, as seen from the current callback.
struct Envoy;

thread_local! {
    /// Stat name to id, for the whole VM: each define call costs Envoy a new id for ever, and one VM outlives many
    /// configurations.
    static DEFINED: RefCell<FxHashMap<Box<str>, MetricId>> = RefCell::default();
}

impl MetricSink for Envoy {
    fn define(&mut self, kind: Kind, stat_name: &str) -> Result<MetricId, HostStatus> {
        if let Some(id) = DEFINED.with_borrow(|known| known.get(stat_name).copied()) {
            return Ok(id);
        }
        let mut id = 0;
        // SAFETY: the host reads the name during the call and writes one u32.
        check(unsafe { proxy_define_metric(kind as u32, stat_name.as_ptr(), stat_name.len(), &mut id) })?;
        let id = MetricId(id);
        DEFINED.with_borrow_mut(|known| known.insert(stat_name.into(), id));
        Ok(id)
    }

    fn add(&mut self, id: MetricId, delta: i64) -> Result<(), HostStatus> {
        // SAFETY: no memory is passed.
        check(unsafe { proxy_increment_metric(id.0, delta) })
    }

    fn set(&mut self, id: MetricId, value: u64) -> Result<(), HostStatus> {
        // SAFETY: no memory is passed.
        check(unsafe { proxy_record_metric(id.0, value) })
    }

    fn observe(&mut self, id: MetricId, value: u64) -> Result<(), HostStatus> {
        self.set(id, value)
    }

    fn total(&mut self, id: MetricId) -> Result<u64, HostStatus> {
        let mut value = 0;
        // SAFETY: the host writes one u64.
        check(unsafe { proxy_get_metric(id.0, &mut value) })?;
        Ok(value)
    }
}

impl SharedData for Envoy {
    fn read(&mut self, key: &[u8]) -> Result<(Vec<u8>, Cas), HostStatus> {
        let mut cas = 0;
        // SAFETY: the host reads the key during the call and writes the three out-values.
        let value = reply(|data, size| unsafe {
            proxy_get_shared_data(key.as_ptr(), key.len(), data, size, &mut cas)
        })?;
        Ok((value, Cas(cas)))
    }

    fn write(&mut self, key: &[u8], value: &[u8]) -> Result<(), HostStatus> {
        self.swap(key, value, Cas(0))
    }

    fn swap(&mut self, key: &[u8], value: &[u8], cas: Cas) -> Result<(), HostStatus> {
        // SAFETY: the host reads key and value during the call.
        check(unsafe { proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), cas.0) })
    }
}

impl Machine for Envoy {
    fn monotonic_ns(&mut self) -> u64 {
        clock(MONOTONIC)
    }

    fn unix_seconds(&mut self) -> u64 {
        clock(REALTIME) / 1_000_000_000
    }

    fn random(&mut self) -> u64 {
        let mut bytes = [0; 8];
        // SAFETY: the host writes 8 bytes. Where it cannot, the number can be guessed, and nothing else is lost.
        let _no_dice = unsafe { random_get(bytes.as_mut_ptr(), bytes.len()) };
        u64::from_le_bytes(bytes)
    }
}

/// Nanoseconds; 0 on a host that has no such clock.
fn clock(clock: u32) -> u64 {
    let mut time = 0;
    // SAFETY: the host writes one u64.
    let _unknown_clock = unsafe { clock_time_get(clock, 1, &mut time) };
    time
}

/// Tells configurations apart: twins in other VMs have the same.
fn fingerprint(document: &[u8]) -> u64 {
    let mut hasher = rustc_hash::FxHasher::default();
    hasher.write(document);
    hasher.finish()
}

impl Attributes for Envoy {
    fn headers(&mut self, map: HeaderMap) -> Result<Vec<u8>, HostStatus> {
        // SAFETY: the host writes the two out-values.
        reply(|data, size| unsafe { proxy_get_header_map_pairs(map as u32, data, size) })
    }

    fn property(&mut self, property: Property) -> Result<Vec<u8>, HostStatus> {
        let path = property.path();
        // SAFETY: the host reads the path during the call and writes the two out-values.
        reply(|data, size| unsafe { proxy_get_property(path.as_ptr(), path.len(), data, size) })
    }
}

fn read_configuration(size: usize) -> Result<Vec<u8>, HostStatus> {
    // SAFETY: the host writes the two out-values.
    reply(|data, out| unsafe { proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, size, data, out) })
}

/// The bytes that a hostcall returns; empty where it returns none.
fn reply(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Result<Vec<u8>, HostStatus> {
    let mut data: *mut u8 = std::ptr::null_mut();
    let mut size = 0;
    check(call(&mut data, &mut size))?;
    if data.is_null() || size == 0 {
        return Ok(Vec::new());
    }
    // SAFETY: the host had the module's own allocator (the SDK's, a boxed slice of exactly this size) make the
    // memory, and hands it over.
    Ok(unsafe { Vec::from_raw_parts(data, size, size) })
}

fn check(status: u32) -> Result<(), HostStatus> {
    match status {
        0 => Ok(()),
        status => Err(HostStatus(status)),
    }
}

/// One line a mistake, in the words of `redline check`.
fn log_refusal(errors: &ConfigErrors) {
    for error in errors.iter() {
        log(LogLevel::Error, &format!("configuration refused: {error}"));
    }
}

fn log(level: LogLevel, text: &str) {
    let line = format!("redline: {text}");
    // SAFETY: the host reads the text during the call. A log line that is lost changes nothing.
    let _status = unsafe { proxy_log(level as u32, line.as_ptr(), line.len()) };
}

/// Traps and stalls on demand.
#[cfg(feature = "fault-injection")]
mod faults {
    use super::{Attributes, Envoy, HeaderMap, Kind, LogLevel, Machine, MetricSink, Rc, RefCell, log};
    use crate::faults::{Fault, Faults};

    /// The faults of one configuration in one VM.
    #[derive(Clone, Default)]
    pub(super) struct SharedFaults(Rc<RefCell<Option<Faults>>>);

    impl SharedFaults {
        pub(super) fn configure(&self, service: &str) {
            *self.0.borrow_mut() = Some(Faults::new(service));
        }

        pub(super) fn on_request(&self) {
            let headers = Envoy.headers(HeaderMap::Request).unwrap_or_default();
            let asked =
                self.0.borrow_mut().as_mut().and_then(|faults| faults.on_request(&headers, &mut Envoy));
            match asked {
                Some(Fault::Trap) => trap("fault: a request asked for a trap"),
                Some(Fault::Stall { ms }) => {
                    let end = Envoy.monotonic_ns().saturating_add(ms.saturating_mul(1_000_000));
                    while Envoy.monotonic_ns() < end {}
                }
                None => {}
            }
        }

        pub(super) fn on_tick(&self, leads: bool) {
            self.publish_memory();
            if let Some(faults) = self.0.borrow_mut().as_mut()
                && let Some(last_words) = faults.on_tick(leads, &mut Envoy)
            {
                trap(&last_words);
            }
        }
    }

    impl SharedFaults {
        /// The most memory that any VM has had, as a gauge: a soak sees a leak in it.
        fn publish_memory(&self) {
            let Some(name) = self.0.borrow().as_ref().map(Faults::memory_gauge) else { return };
            let bytes = core::arch::wasm32::memory_size(0).saturating_mul(65_536) as u64;
            if let Ok(gauge) = Envoy.define(Kind::Gauge, &name)
                && Envoy.total(gauge).is_ok_and(|most| most < bytes)
            {
                let _a_later_tick_sets_it = Envoy.set(gauge, bytes);
            }
        }
    }

    fn trap(last_words: &str) -> ! {
        log(LogLevel::Error, last_words);
        core::arch::wasm32::unreachable()
    }
}
