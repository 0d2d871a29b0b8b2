//! What the host says of a stream in, who asks for what and how it ended out.

use super::Recorder;
use super::stream::{Open, Violator};
use crate::attributes::{
    HeaderMap, HostStatus, Property, RequestHead, grpc_status, number, request_body_bytes,
};
use crate::config::EndpointSource;
use crate::endpoint::{EndpointId, normalize};
use crate::exchange::{Exchange, GrpcCode, ResponseFlags, Status, TenantId};
use crate::registry::{DropReason, Limit, Series};
use crate::shared::Host;
use crate::slo::TenantGroup;
use crate::source::Request;
use crate::tenant::Claim;

/// Who asks.
struct Asker {
    tenant: Claim,
    violates: Option<Violator>,
    user: Option<u64>,
    group: TenantGroup,
}

impl Recorder {
    /// Reads a request that was answered before our turn came. Nobody we know of was served, hence no tenant.
    pub(super) fn read_refused<H: Host>(&mut self, host: &mut H) -> Option<Box<Open>> {
        let mut headers = self.buffers.take();
        if let Err(status) = host.headers(HeaderMap::Request, &mut headers) {
            // Envoy has no request headers where its codec answered before they were read.
            if !status.is_absent() && status != HostStatus::BAD_ARGUMENT {
                self.registry.drop_one(DropReason::Hostcall, &self.labels, host);
            }
        }
        let mut open = self.read_request(&headers, false, false, host)?;
        if open.grpc {
            // Who refused it said why in the response's headers, which no callback has shown us.
            let mut response = self.buffers.take();
            let read = host.headers(HeaderMap::Response, &mut response);
            open.grpc_code = read.ok().and_then(|()| grpc_status(&response));
            self.buffers.give(response);
        }
        self.keep_request(&mut open, headers);
        Some(open)
    }

    /// Reads who asks for what; `None` where the request is excluded.
    pub(super) fn read_request<H: Host>(
        &mut self,
        headers: &[u8],
        bodyless: bool,
        with_tenant: bool,
        host: &mut H,
    ) -> Option<Box<Open>> {
        let head = self.interests.read(headers);
        let readable = head.path.is_some_and(|path| normalize(path, &mut self.path));
        if head.excluded || (readable && self.excluded.find(&self.path).is_some()) {
            return None;
        }
        let template = readable.then(|| self.labels.templates.find(&self.path)).flatten();
        let endpoint = match self.labels.source {
            EndpointSource::Template => template,
            EndpointSource::RouteName => {
                let mut name = self.buffers.take();
                let read = host.property(Property::RouteName, &mut name);
                let endpoint = read.ok().map(|()| self.labels.routes.id(&name));
                self.buffers.give(name);
                endpoint
            }
        };
        let asker = match with_tenant {
            true => self.read_asker(&head, template, host),
            false => Asker {
                tenant: Claim::Tenant(TenantId::NONE),
                violates: None,
                user: None,
                group: self.objectives.tenant(None),
            },
        };
        let mut open = self.buffers.take_open();
        // Field by field: a new whole would be made elsewhere first, and then moved. The others are as in a new one.
        open.method = head.method;
        open.endpoint = endpoint.unwrap_or(EndpointId::OTHER);
        open.tenant = asker.tenant;
        open.violates = asker.violates;
        open.user = asker.user;
        open.group = asker.group;
        open.bodyless = bodyless;
        open.grpc = head.grpc;
        Some(open)
    }

    /// Keeps a request's headers where a custom metric may read them.
    pub(super) fn keep_request(&mut self, open: &mut Open, headers: Vec<u8>) {
        if self.labels.rules.read_request(open.method, open.endpoint) {
            open.messages.request = Some(headers);
        } else {
            self.buffers.give(headers);
        }
    }

    /// Reads who is served, which user asks, and who the caller claimed to be where it asked for another's resource.
    fn read_asker(
        &mut self,
        head: &RequestHead<'_>,
        template: Option<EndpointId>,
        host: &mut impl Host,
    ) -> Asker {
        let normal = std::mem::take(&mut self.path);
        let request = Request::new(head, template.map(|id| (id, normal.as_slice())));
        let served = self.sources.tenant(&request, &self.labels.templates);
        let tenant = match &served {
            Some(value) => self.claim(value, host),
            None => Claim::Tenant(TenantId::NONE),
        };
        // Most often the two are the same: one admission, and one overflow where there is no room.
        let violates =
            self.sources.violation(&request, &self.labels.templates).map(|claimed| match &served {
                Some(served) if *served == claimed => Violator::Served,
                _ => Violator::Other(self.claim(&claimed, host)),
            });
        let user = match &mut self.users {
            Some(users) => self.sources.user(&request, &self.labels.templates).and_then(|user| {
                let hash = users.hash(&user, host);
                hash.inspect_err(|_| self.registry.drop_one(DropReason::SharedData, &self.labels, host)).ok()
            }),
            None => None,
        };
        let group = self.objectives.tenant(served.as_deref());
        drop(served);
        drop(request);
        self.path = normal;
        Asker { tenant, violates, user, group }
    }

    fn claim(&mut self, value: &[u8], host: &mut impl Host) -> Claim {
        self.labels.tenants.claim(value, host).unwrap_or_else(|_| {
            self.registry.drop_one(DropReason::SharedData, &self.labels, host);
            Claim::Tenant(TenantId::OTHER)
        })
    }

    /// Whose request it was, now that it has been answered.
    pub(super) fn tenant(&mut self, claim: Claim, served: bool, host: &mut impl Host) -> TenantId {
        let claim = match claim {
            Claim::Candidate(name) if served => self.labels.tenants.answered(name, host),
            claim => Ok(claim),
        };
        match claim {
            Ok(Claim::Tenant(tenant)) => tenant,
            Ok(Claim::Candidate(_) | Claim::PastLimit) => {
                self.registry.count(Series::Overflow(Limit::Tenant), &self.labels, host);
                TenantId::OTHER
            }
            Err(_) => {
                self.registry.drop_one(DropReason::SharedData, &self.labels, host);
                TenantId::OTHER
            }
        }
    }

    /// Reads how a stream ended.
    pub(super) fn read_end<H: Host>(&mut self, open: &Open, host: &mut H) -> Exchange {
        let status = self.number(Property::ResponseCode, host).and_then(|code| u16::try_from(code).ok());
        let flags = ResponseFlags(self.number(Property::ResponseFlags, host).unwrap_or(0));
        let grpc = open.grpc.then(|| self.read_grpc_code(open, flags, host));
        let duration_ns = self.number(Property::RequestDuration, host);
        let request_bytes = match open.bodyless {
            true => Some(0),
            false => {
                let mut buffer = self.buffers.take();
                let bytes = request_body_bytes(host, &mut buffer);
                self.buffers.give(buffer);
                bytes.unwrap_or_else(|_| self.unreadable(host))
            }
        };
        let response_bytes = self.number(Property::ResponseSize, host);
        Exchange {
            method: open.method,
            endpoint: open.endpoint,
            tenant: TenantId::NONE,
            violates: None,
            status: Status(status.unwrap_or(0)),
            flags,
            grpc,
            duration_ns,
            request_bytes,
            response_bytes,
            upstream: open.upstream,
        }
    }

    /// How a gRPC call ended, as its client sees it. Without a status from the upstream, Envoy would derive a code
    /// from the HTTP status, which is 200 also where the call was cut off.
    fn read_grpc_code<H: Host>(&mut self, open: &Open, flags: ResponseFlags, host: &mut H) -> GrpcCode {
        if let Some(code) = open.grpc_code {
            return code;
        }
        if flags.client_left() {
            return GrpcCode::CANCELLED;
        }
        let derived = self.number(Property::ResponseGrpcStatus, host).filter(|_| flags.failure().is_none());
        derived.map_or(GrpcCode::UNAVAILABLE, GrpcCode::from_number)
    }

    fn number<H: Host>(&mut self, property: Property, host: &mut H) -> Option<u64> {
        number(host, property).unwrap_or_else(|_| self.unreadable(host))
    }

    fn unreadable(&mut self, sink: &mut impl Host) -> Option<u64> {
        self.registry.drop_one(DropReason::Hostcall, &self.labels, sink);
        None
    }
}
