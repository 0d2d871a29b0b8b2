//! The proxy-wasm boundary (ABI 0.2.1): Envoy's callbacks in, calls on the recorder out.
//!
//! The exports are our own, and only those that are needed: the SDK's dispatcher looks a context up several times per
//! callback and makes objects for each stream, and Envoy enters the VM for every callback that is exported, for a body
//! callback once a chunk. scripts/wasm-exports.txt lists what the module keeps.

#![expect(
    unsafe_code,
    reason = "exports have names of their own, and hostcalls pass pointers into the module's memory"
)]

mod envoy;
#[cfg(feature = "fault-injection")]
mod faults;
mod memory;
mod status;

use crate::config::Config;
use crate::recorder::{Recorder, Stream};
use envoy::{Envoy, Level};
use rustc_hash::FxHashMap;
use std::cell::{Cell, RefCell};
use std::hash::Hasher;
use std::rc::Rc;

/// What a callback on headers or trailers answers: go on.
const CONTINUE: u32 = 0;

thread_local! {
    static VM: RefCell<Vm> = RefCell::default();
    static INITIALIZED: Cell<bool> = const { Cell::new(false) };
}

/// One VM: configurations, and the streams of each.
#[derive(Default)]
struct Vm {
    roots: FxHashMap<u32, Root>,
    streams: FxHashMap<u32, StreamContext>,
}

/// One configuration; empty until it is read.
#[derive(Default)]
struct Root {
    /// Shared with the streams: they may outlive it.
    recorder: Option<Rc<RefCell<Recorder>>>,
    #[cfg(feature = "fault-injection")]
    faults: Option<crate::faults::Faults>,
}

/// One stream; a stream of a root without configuration is counted nowhere.
struct StreamContext {
    recorder: Option<Rc<RefCell<Recorder>>>,
    stream: Stream,
    #[cfg(feature = "fault-injection")]
    root: u32,
}

/// Runs `act` on the VM. No callback runs inside another; were it so, the inner one would do nothing rather than trap.
fn with_vm<R>(act: impl FnOnce(&mut Vm) -> R) -> Option<R> {
    VM.with(|vm| vm.try_borrow_mut().ok().map(|mut vm| act(&mut vm)))
}

/// Runs `act` on a stream and the recorder of its configuration.
fn with_stream(id: u32, act: impl FnOnce(&mut Recorder, &mut Stream)) {
    with_vm(|vm| {
        if let Some(StreamContext { recorder: Some(recorder), stream, .. }) = vm.streams.get_mut(&id)
            && let Ok(mut recorder) = recorder.try_borrow_mut()
        {
            act(&mut recorder, stream);
        }
    });
}

impl Root {
    fn configure(&mut self, document: &[u8]) -> bool {
        let config = match Config::from_plugin(document) {
            Ok(config) => config,
            Err(errors) => {
                // One line a mistake, in the words of `redline check`.
                for error in errors.iter() {
                    Envoy::log(Level::Error, &format!("configuration refused: {error}"));
                }
                return false;
            }
        };
        let mut recorder = Recorder::new(&config);
        recorder.start(fingerprint(document), &mut Envoy);
        self.recorder = Some(Rc::new(RefCell::new(recorder)));
        #[cfg(feature = "fault-injection")]
        {
            self.faults = Some(crate::faults::Faults::new(&config.service));
        }
        Envoy::tick_every(u32::try_from(config.tick.as_millis()).unwrap_or(u32::MAX));
        true
    }

    fn tick(&mut self) {
        let recorder = self.recorder.as_ref().and_then(|recorder| recorder.try_borrow_mut().ok());
        let Some(ticked) = recorder.map(|mut recorder| recorder.tick(&mut Envoy)) else { return };
        if let Some(warning) = &ticked.warning {
            Envoy::log(Level::Warn, &warning.to_string());
        }
        #[cfg(feature = "fault-injection")]
        if let Some(faults) = &mut self.faults {
            faults::on_tick(faults, ticked.leads);
        }
    }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

/// Called once, before anything else.
#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    #[cfg(target_os = "wasi")]
    {
        unsafe extern "C" {
            fn __wasm_call_ctors();
        }
        if !INITIALIZED.replace(true) {
            // SAFETY: the linker's function, called once, before anything that needs it.
            unsafe { __wasm_call_ctors() };
        }
    }
    // There is no panic that we know of; one that we do not know of is to be found.
    std::panic::set_hook(Box::new(|panic| Envoy::log(Level::Critical, &panic.to_string())));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_vm_start(_root: u32, _size: usize) -> u32 {
    1
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(id: u32, root: u32) {
    with_vm(|vm| {
        if root == 0 {
            vm.roots.insert(id, Root::default());
            return;
        }
        let recorder = vm.roots.get(&root).and_then(|root| root.recorder.clone());
        vm.streams.insert(
            id,
            StreamContext {
                recorder,
                stream: Stream::New,
                #[cfg(feature = "fault-injection")]
                root,
            },
        );
    });
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(root: u32, size: usize) -> u32 {
    let document = Envoy::configuration(size);
    let configured = with_vm(|vm| vm.roots.entry(root).or_default().configure(&document));
    u32::from(configured == Some(true))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_tick(root: u32) {
    with_vm(|vm| vm.roots.get_mut(&root).map(Root::tick));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(id: u32, _count: u32, end_of_stream: u32) -> u32 {
    with_stream(id, |recorder, stream| recorder.begin(stream, end_of_stream != 0, &mut Envoy));
    #[cfg(feature = "fault-injection")]
    with_vm(|vm| {
        let root = vm.streams.get(&id).map_or(0, |stream| stream.root);
        if let Some(faults) = vm.roots.get_mut(&root).and_then(|root| root.faults.as_mut()) {
            faults::on_request(faults);
        }
    });
    CONTINUE
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_headers(id: u32, _count: u32, _end_of_stream: u32) -> u32 {
    with_stream(id, |recorder, stream| recorder.response_headers(stream, &mut Envoy));
    CONTINUE
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_trailers(id: u32, _count: u32) -> u32 {
    with_stream(id, |recorder, stream| recorder.response_trailers(stream, &mut Envoy));
    CONTINUE
}

/// The end of a stream, of HTTP/1 and 2.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_log(id: u32) {
    with_stream(id, |recorder, stream| recorder.finish(stream, &mut Envoy));
}

/// The end of a context. Envoy never calls `proxy_on_log` for HTTP/3: such a stream ends here, where its properties can
/// still be read. There is no `proxy_on_done`: it would be one more way into the VM, to say what this says.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_delete(id: u32) {
    with_vm(|vm| match vm.streams.remove(&id) {
        Some(StreamContext { recorder: Some(recorder), mut stream, .. }) => {
            if let Ok(mut recorder) = recorder.try_borrow_mut() {
                recorder.finish(&mut stream, &mut Envoy);
            }
        }
        Some(_) => {}
        None => drop(vm.roots.remove(&id)),
    });
}

/// Tells configurations apart: twins in other VMs have the same.
fn fingerprint(document: &[u8]) -> u64 {
    let mut hasher = rustc_hash::FxHasher::default();
    hasher.write(document);
    hasher.finish()
}
