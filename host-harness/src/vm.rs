//! One VM: a module's instance and its callbacks, in the order and with the rules of Envoy.
//!
//! Callbacks that the module does not export are skipped. A trap fails the VM: every later callback is skipped.

mod exports;
mod streams;

use crate::abi::state::{Common, HostState, Phase};
use crate::error::HostError;
use crate::log::VmRole;
use crate::upstream::{CallAnswer, HttpCall};
use exports::Exports;
use std::time::Duration;
use wasmtime::{Config, Engine, InstancePre, Module, Store, Trap, TypedFunc, WasmParams, WasmResults};

/// How exactly a callback's time is measured.
const EPOCH: Duration = Duration::from_millis(20);

/// A compiled filter: one machine code for every VM.
#[derive(Clone)]
pub struct Filter {
    engine: Engine,
    linked: InstancePre<HostState>,
}

impl std::fmt::Debug for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Filter").finish_non_exhaustive()
    }
}

impl Filter {
    /// Compiles a `.wasm` (or, in tests, WAT turned into one) and checks that it is a proxy-wasm 0.2.x filter.
    pub fn compile(wasm: &[u8]) -> Result<Self, HostError> {
        let compile = |error: wasmtime::Error| HostError::Compile { reason: format!("{error:#}") };
        let engine = Engine::new(Config::new().epoch_interruption(true)).map_err(compile)?;
        let module = Module::from_binary(&engine, wasm).map_err(compile)?;
        if !module
            .exports()
            .any(|e| matches!(e.name(), "proxy_abi_version_0_2_0" | "proxy_abi_version_0_2_1"))
        {
            return Err(HostError::AbiVersion);
        }
        let linker = crate::abi::linker(&engine, &module)?;
        let linked = linker.instantiate_pre(&module).map_err(signature)?;
        count_epochs(&engine);
        Ok(Self { engine, linked })
    }
}

/// Lets time pass for an engine until nobody uses it any more: what stops a callback that never ends.
fn count_epochs(engine: &Engine) {
    let engine = engine.weak();
    std::thread::spawn(move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(EPOCH);
        }
    });
}

fn signature(error: wasmtime::Error) -> HostError {
    HostError::Signature { reason: format!("{error:#}") }
}

/// One VM, started and configured.
pub(crate) struct Vm {
    store: Store<HostState>,
    exports: Exports,
    role: VmRole,
    failed: bool,
    /// Context ids are given out once; the root context has 1.
    last_context: u32,
    /// How long a callback may take, in epochs.
    patience: u64,
}

const ROOT: u32 = 1;

impl Vm {
    /// Instantiates, initialises and configures, as Envoy does on each thread.
    pub(crate) fn start(filter: &Filter, common: Common, role: VmRole) -> Result<Self, HostError> {
        let sizes = (common.plugin.vm_configuration.len() as u32, common.plugin.configuration.len() as u32);
        // The epoch that runs is not a whole one.
        let patience = common.callback_limit.div_duration_f64(EPOCH).ceil() as u64 + 1;
        let mut store = Store::new(&filter.engine, HostState::new(common, role));
        store.limiter(|state| &mut state.limits);
        store.set_epoch_deadline(patience);
        let instance = filter.linked.instantiate(&mut store);
        let instance = instance.map_err(|error| crash(&store, role, Phase::Initialize, &error))?;
        let memory = instance.get_memory(&mut store, "memory");
        let (exports, allocate, initialize) = exports::find(&mut store, instance)?;
        (store.data_mut().memory, store.data_mut().allocate) = (memory, allocate);
        let mut vm = Self { store, exports, role, failed: false, last_context: ROOT, patience };
        vm.call(Phase::Initialize, 0, initialize, ())?;
        vm.store.data_mut().restricted = false;
        vm.call(Phase::ContextCreate, ROOT, vm.exports.context_create.clone(), (ROOT, 0))?;
        let started = vm.call(Phase::VmStart, ROOT, vm.exports.vm_start.clone(), (ROOT, sizes.0))?;
        vm.accepted(Phase::VmStart, started)?;
        let configured = vm.call(Phase::Configure, ROOT, vm.exports.configure.clone(), (ROOT, sizes.1))?;
        vm.accepted(Phase::Configure, configured)?;
        Ok(vm)
    }

    fn accepted(&self, phase: Phase, answer: Option<u32>) -> Result<(), HostError> {
        if answer == Some(0) {
            let log = self.store.data().common.log.of(self.role);
            return Err(HostError::Refused { vm: self.role, callback: phase.callback(), log });
        }
        Ok(())
    }

    /// Which it is.
    pub(crate) fn role(&self) -> VmRole {
        self.role
    }

    /// Whether a callback has trapped.
    pub(crate) fn failed(&self) -> bool {
        self.failed
    }

    /// How much memory it has, in bytes: it never shrinks.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.store.data().memory.map_or(0, |memory| memory.data_size(&self.store))
    }

    /// Whether the filter looks at the bodies of this side.
    pub(crate) fn wants_body(&self, side: crate::stream::Side) -> bool {
        self.exports.body(side).is_some()
    }

    /// The tick period in milliseconds that the filter asked for since the last call.
    pub(crate) fn tick_request(&mut self) -> Option<u32> {
        self.store.data_mut().tick_request.take()
    }

    /// Fires the timer.
    pub(crate) fn tick(&mut self) -> Result<(), HostError> {
        self.call(Phase::Tick, ROOT, self.exports.tick.clone(), ROOT)?;
        self.act()
    }

    /// Tells that a shared queue has an item.
    pub(crate) fn queue_ready(&mut self, token: u32) -> Result<(), HostError> {
        self.call(Phase::QueueReady, ROOT, self.exports.queue_ready.clone(), (ROOT, token))?;
        self.act()
    }

    /// The HTTP calls that nobody has answered.
    pub(crate) fn calls(&self) -> impl Iterator<Item = (u32, &HttpCall)> {
        self.store.data().calls.open()
    }

    /// The HTTP call that times out first, and when.
    pub(crate) fn first_deadline(&self) -> Option<(u64, u32)> {
        self.store.data().calls.first_deadline()
    }

    /// Answers an HTTP call; false where it is not open. The callback is the root context's.
    pub(crate) fn answer(&mut self, token: u32, answer: CallAnswer) -> Result<bool, HostError> {
        let state = self.store.data_mut();
        if !state.calls.end(token) {
            return Ok(false);
        }
        let trailers = answer.trailers.as_ref().map_or(0, |trailers| trailers.len());
        let arguments = (ROOT, token, answer.headers.len(), answer.body.len() as u32, trailers);
        state.answer = Some(answer);
        let called =
            self.call(Phase::HttpCallResponse, ROOT, self.exports.http_call_response.clone(), arguments);
        self.store.data_mut().answer = None;
        called?;
        self.act()?;
        Ok(true)
    }

    /// Calls an export, if there is one and the VM has not failed.
    fn call<P, R>(
        &mut self,
        phase: Phase,
        context: u32,
        callback: Option<TypedFunc<P, R>>,
        arguments: P,
    ) -> Result<Option<R>, HostError>
    where
        P: WasmParams,
        R: WasmResults,
    {
        let Some(callback) = callback.filter(|_| !self.failed) else { return Ok(None) };
        let state = self.store.data_mut();
        (state.phase, state.context) = (phase, context);
        state.common.count_entry();
        self.store.set_epoch_deadline(self.patience);
        match callback.call(&mut self.store, arguments) {
            Ok(answer) => Ok(Some(answer)),
            Err(error) => {
                self.failed = true;
                self.store.data_mut().actions.clear();
                Err(crash(&self.store, self.role, phase, &error))
            }
        }
    }
}

/// Why a callback did not come back as it should.
fn crash(store: &Store<HostState>, vm: VmRole, phase: Phase, error: &wasmtime::Error) -> HostError {
    let state = store.data();
    let (log, callback) = (state.common.log.of(vm), phase.callback());
    let reason = format!("{error:?}");
    match (error.downcast_ref::<Trap>(), state.limits.refused) {
        (Some(Trap::Interrupt), _) => {
            HostError::Runaway { vm, callback, limit: state.common.callback_limit, log }
        }
        (_, Some(wanted)) => {
            HostError::OutOfMemory { vm, callback, wanted, limit: state.limits.max_memory, reason, log }
        }
        _ => HostError::Trap { vm, callback, reason, log },
    }
}
