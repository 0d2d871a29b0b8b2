//! One VM: a module's instance and its callbacks, in the order and with the rules of Envoy.
//!
//! Callbacks that the module does not export are skipped. A trap fails the VM: every later callback is skipped.

use crate::abi::state::{Common, HostState, Phase};
use crate::error::HostError;
use crate::headers::HeaderMap;
use crate::log::VmRole;
use crate::stream::{Completion, Request, Response, Stream};
use wasmtime::{Config, Engine, InstancePre, Module, Store, TypedFunc, WasmParams, WasmResults};

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
        let engine = Engine::new(&Config::new()).map_err(compile)?;
        let module = Module::from_binary(&engine, wasm).map_err(compile)?;
        if !module
            .exports()
            .any(|e| matches!(e.name(), "proxy_abi_version_0_2_0" | "proxy_abi_version_0_2_1"))
        {
            return Err(HostError::AbiVersion);
        }
        let linker = crate::abi::linker(&engine, &module)?;
        let linked = linker.instantiate_pre(&module).map_err(signature)?;
        Ok(Self { engine, linked })
    }
}

fn signature(error: wasmtime::Error) -> HostError {
    HostError::Signature { reason: format!("{error:#}") }
}

/// The callbacks that an HTTP filter may export.
struct Exports {
    context_create: Option<TypedFunc<(u32, u32), ()>>,
    vm_start: Option<TypedFunc<(u32, u32), u32>>,
    configure: Option<TypedFunc<(u32, u32), u32>>,
    tick: Option<TypedFunc<u32, ()>>,
    request_headers: Option<TypedFunc<(u32, u32, u32), u32>>,
    response_headers: Option<TypedFunc<(u32, u32, u32), u32>>,
    response_trailers: Option<TypedFunc<(u32, u32), u32>>,
    log: Option<TypedFunc<u32, ()>>,
    done: Option<TypedFunc<u32, u32>>,
    delete: Option<TypedFunc<u32, ()>>,
}

/// One VM, started and configured.
pub(crate) struct Vm {
    store: Store<HostState>,
    exports: Exports,
    role: VmRole,
    failed: bool,
    /// Context ids are given out once; the root context has 1.
    last_context: u32,
}

impl Vm {
    /// Instantiates, initialises and configures, as Envoy does on each thread.
    pub(crate) fn start(filter: &Filter, common: Common, role: VmRole) -> Result<Self, HostError> {
        let sizes = (common.plugin.vm_configuration.len() as u32, common.plugin.configuration.len() as u32);
        let mut store = Store::new(&filter.engine, HostState::new(common, role));
        store.limiter(|state| &mut state.limits);
        let instance = filter.linked.instantiate(&mut store);
        let instance = instance.map_err(|error| trap(&store, role, Phase::Initialize, &error))?;
        let memory = instance.get_memory(&mut store, "memory");
        store.data_mut().memory = memory;
        let mut find = Finder { store: &mut store, instance };
        // Envoy looks for malloc first, unlike the ABI.
        let allocate = match find.export("malloc")? {
            Some(found) => Some(found),
            None => find.export("proxy_on_memory_allocate")?,
        };
        let initialize: Option<TypedFunc<(), ()>> = match find.export("_initialize")? {
            Some(found) => Some(found),
            None => find.export("_start")?,
        };
        let exports = Exports {
            context_create: find.export("proxy_on_context_create")?,
            vm_start: find.export("proxy_on_vm_start")?,
            configure: find.export("proxy_on_configure")?,
            tick: find.export("proxy_on_tick")?,
            request_headers: find.export("proxy_on_request_headers")?,
            response_headers: find.export("proxy_on_response_headers")?,
            response_trailers: find.export("proxy_on_response_trailers")?,
            log: find.export("proxy_on_log")?,
            done: find.export("proxy_on_done")?,
            delete: find.export("proxy_on_delete")?,
        };
        store.data_mut().allocate = allocate;
        let mut vm = Self { store, exports, role, failed: false, last_context: 1 };
        vm.call(Phase::Initialize, 0, initialize, ())?;
        vm.store.data_mut().restricted = false;
        vm.call(Phase::ContextCreate, 1, vm.exports.context_create.clone(), (1, 0))?;
        let started = vm.call(Phase::VmStart, 1, vm.exports.vm_start.clone(), (1, sizes.0))?;
        vm.accepted(Phase::VmStart, started)?;
        let configured = vm.call(Phase::Configure, 1, vm.exports.configure.clone(), (1, sizes.1))?;
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

    /// The tick period in milliseconds that the filter asked for since the last call.
    pub(crate) fn tick_request(&mut self) -> Option<u32> {
        self.store.data_mut().tick_request.take()
    }

    /// Fires the timer.
    pub(crate) fn tick(&mut self) -> Result<(), HostError> {
        self.call(Phase::Tick, 1, self.exports.tick.clone(), 1).map(drop)
    }

    /// A new stream; its context. With headers the filter is called: context_create, request_headers.
    pub(crate) fn open(&mut self, request: Request, connection: u64) -> Result<u32, HostError> {
        if self.failed {
            return Err(HostError::Failed { vm: self.role });
        }
        self.last_context = self.last_context.checked_add(1).ok_or(HostError::Failed { vm: self.role })?;
        let context = self.last_context;
        let end_of_stream = u32::from(request.end_of_stream);
        let pairs = request.headers.as_ref().map(|headers| headers.len());
        self.store.data_mut().streams.insert(context, Stream::new(request, connection));
        if let Some(pairs) = pairs {
            self.create(context)?;
            let callback = self.exports.request_headers.clone();
            self.call(Phase::RequestHeaders, context, callback, (context, pairs, end_of_stream))?;
        }
        Ok(context)
    }

    /// The response's headers, for a stream that the filter has seen the request of.
    pub(crate) fn respond(&mut self, context: u32, response: Response) -> Result<(), HostError> {
        let Some(stream) = self.store.data_mut().streams.get_mut(&context) else { return Ok(()) };
        let pairs = response.headers.len();
        stream.response = Some(response.headers);
        stream.end.code = Some(response.code);
        if !stream.created {
            return Ok(());
        }
        let callback = self.exports.response_headers.clone();
        self.call(
            Phase::ResponseHeaders,
            context,
            callback,
            (context, pairs, u32::from(response.end_of_stream)),
        )?;
        Ok(())
    }

    /// The response's trailers, under the same condition.
    pub(crate) fn trailers(&mut self, context: u32, trailers: HeaderMap) -> Result<(), HostError> {
        let Some(stream) = self.store.data_mut().streams.get_mut(&context) else { return Ok(()) };
        let pairs = trailers.len();
        stream.trailers = Some(trailers);
        if stream.created {
            let callback = self.exports.response_trailers.clone();
            self.call(Phase::ResponseTrailers, context, callback, (context, pairs))?;
        }
        Ok(())
    }

    /// The end: log (which creates the context where nobody has), done, delete.
    pub(crate) fn finish(&mut self, context: u32, end: Completion) -> Result<(), HostError> {
        let Some(stream) = self.store.data_mut().streams.get_mut(&context) else { return Ok(()) };
        stream.end = end;
        if !stream.created {
            self.create(context)?;
        }
        self.call(Phase::Log, context, self.exports.log.clone(), context)?;
        // A filter that answers false is not waited for: neither does Envoy.
        self.call(Phase::Done, context, self.exports.done.clone(), context)?;
        self.call(Phase::Delete, context, self.exports.delete.clone(), context)?;
        self.store.data_mut().streams.remove(&context);
        Ok(())
    }

    fn create(&mut self, context: u32) -> Result<(), HostError> {
        if let Some(stream) = self.store.data_mut().streams.get_mut(&context) {
            stream.created = true;
        }
        self.call(Phase::ContextCreate, context, self.exports.context_create.clone(), (context, 1)).map(drop)
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
        match callback.call(&mut self.store, arguments) {
            Ok(answer) => Ok(Some(answer)),
            Err(error) => {
                self.failed = true;
                Err(trap(&self.store, self.role, phase, &error))
            }
        }
    }
}

fn trap(store: &Store<HostState>, vm: VmRole, phase: Phase, error: &wasmtime::Error) -> HostError {
    let log = store.data().common.log.of(vm);
    HostError::Trap { vm, callback: phase.callback(), reason: format!("{error:?}"), log }
}

struct Finder<'a> {
    store: &'a mut Store<HostState>,
    instance: wasmtime::Instance,
}

impl Finder<'_> {
    /// An export by name; an error where it has another type than the ABI says.
    fn export<P: WasmParams, R: WasmResults>(
        &mut self,
        name: &str,
    ) -> Result<Option<TypedFunc<P, R>>, HostError> {
        let Some(export) = self.instance.get_export(&mut *self.store, name) else { return Ok(None) };
        let reason = |reason: String| HostError::Signature { reason: format!("export {name}: {reason}") };
        let function = export.into_func().ok_or_else(|| reason("not a function".to_owned()))?;
        function.typed(&*self.store).map(Some).map_err(|error| reason(format!("{error:#}")))
    }
}
