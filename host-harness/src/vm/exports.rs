//! A module's instance in; its callbacks, allocator and start function out, as far as it has them.

use crate::abi::state::HostState;
use crate::error::HostError;
use crate::stream::Side;
use wasmtime::{Instance, Store, TypedFunc, WasmParams, WasmResults};

/// Three numbers in, an action out: headers and bodies.
pub(super) type OfPart = TypedFunc<(u32, u32, u32), u32>;
/// Two numbers in, an action out: trailers.
pub(super) type OfTrailers = TypedFunc<(u32, u32), u32>;

/// Root context, token, headers, body bytes, trailers.
pub(super) type OfAnswer = TypedFunc<(u32, u32, u32, u32, u32), ()>;

/// The callbacks that an HTTP filter may export.
pub(super) struct Exports {
    pub(super) context_create: Option<TypedFunc<(u32, u32), ()>>,
    pub(super) vm_start: Option<TypedFunc<(u32, u32), u32>>,
    pub(super) configure: Option<TypedFunc<(u32, u32), u32>>,
    pub(super) tick: Option<TypedFunc<u32, ()>>,
    pub(super) queue_ready: Option<TypedFunc<(u32, u32), ()>>,
    pub(super) http_call_response: Option<OfAnswer>,
    request: OfSide,
    response: OfSide,
    pub(super) log: Option<TypedFunc<u32, ()>>,
    pub(super) done: Option<TypedFunc<u32, u32>>,
    pub(super) delete: Option<TypedFunc<u32, ()>>,
}

struct OfSide {
    headers: Option<OfPart>,
    body: Option<OfPart>,
    trailers: Option<OfTrailers>,
}

impl Exports {
    fn side(&self, side: Side) -> &OfSide {
        match side {
            Side::Request => &self.request,
            Side::Response => &self.response,
        }
    }

    pub(super) fn headers(&self, side: Side) -> Option<OfPart> {
        self.side(side).headers.clone()
    }

    pub(super) fn body(&self, side: Side) -> Option<OfPart> {
        self.side(side).body.clone()
    }

    pub(super) fn trailers(&self, side: Side) -> Option<OfTrailers> {
        self.side(side).trailers.clone()
    }
}

type Found = (Exports, Option<TypedFunc<u32, u32>>, Option<TypedFunc<(), ()>>);

/// The callbacks, the allocator, and what is to be called first.
pub(super) fn find(store: &mut Store<HostState>, instance: Instance) -> Result<Found, HostError> {
    let mut find = Finder { store, instance };
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
        queue_ready: find.export("proxy_on_queue_ready")?,
        http_call_response: find.export("proxy_on_http_call_response")?,
        request: OfSide {
            headers: find.export("proxy_on_request_headers")?,
            body: find.export("proxy_on_request_body")?,
            trailers: find.export("proxy_on_request_trailers")?,
        },
        response: OfSide {
            headers: find.export("proxy_on_response_headers")?,
            body: find.export("proxy_on_response_body")?,
            trailers: find.export("proxy_on_response_trailers")?,
        },
        log: find.export("proxy_on_log")?,
        done: find.export("proxy_on_done")?,
        delete: find.export("proxy_on_delete")?,
    };
    Ok((exports, allocate, initialize))
}

struct Finder<'a> {
    store: &'a mut Store<HostState>,
    instance: Instance,
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
