//! A stream's beginning and end in, observations out.
//!
//! Per stream, once each: [`Recorder::begin`] reads who asks for what and moves the in-progress gauge up;
//! [`Recorder::finish`] reads how it ended, moves the gauge down again and records everything else. What only the
//! response's headers and trailers say is read between the two.

mod lifecycle;

pub use lifecycle::{Ticked, Warning};

use crate::attributes::{
    HeaderMap, HostStatus, Property, RequestHead, RequestInterests, grpc_status, number, request_body_bytes,
    upstream_facts,
};
use crate::config::{Config, EndpointSource, Exclude};
use crate::endpoint::{EndpointId, RouteNames, Templates, normalize};
use crate::exchange::{Exchange, GrpcCode, Method, ResponseFlags, Status, UpstreamFacts};
use crate::fleet::Fleet;
use crate::in_progress::{InProgress, RowId};
use crate::metric::{DurationUnit, Metric};
use crate::registry::{DropReason, LabelTexts, Registry, Series, StatusLabel};
use crate::shared::{Host, Keys};
use crate::source::{Request, Sources};
use crate::tenant::{Claim, TenantId, Tenants};

/// Most retries of one request that are believed.
const MOST_RETRIES: u64 = 1000;

/// Where a stream stands; kept by its owner between the callbacks.
#[derive(Debug, Default)]
pub enum Stream {
    /// Its request headers have not been seen.
    #[default]
    New,
    /// It has begun.
    Open(Open),
    /// It is counted nowhere.
    Excluded,
    /// It has been counted.
    Finished,
}

/// Who asked for the resource of another.
#[derive(Debug)]
enum Violator {
    /// The tenant that is served.
    Served,
    /// Somebody whom only the claim names.
    Other(Claim),
}

/// What is known of a stream that has begun.
#[derive(Debug)]
pub struct Open {
    method: Method,
    endpoint: EndpointId,
    tenant: Claim,
    /// Who the caller claimed to be, where it asked for the resource of another.
    violates: Option<Violator>,
    /// The gauge that was moved up and must come down, whatever else happens.
    in_progress: Option<RowId>,
    /// The request had no body: its headers ended it.
    bodyless: bool,
    grpc: bool,
    /// What the response's headers or trailers said.
    grpc_code: Option<GrpcCode>,
    upstream: UpstreamFacts,
}

/// Records the exchanges of one configuration in one VM.
#[derive(Debug)]
pub struct Recorder {
    labels: Labels,
    registry: Registry,
    fleet: Fleet,
    in_progress: InProgress,
    interests: RequestInterests,
    sources: Sources,
    excluded: Templates,
    unit: DurationUnit,
    /// It has said that Envoy rejects its metrics.
    warned: bool,
    /// Scratch space for a path's normal form.
    path: Vec<u8>,
}

/// The texts behind the numbers in a series.
#[derive(Debug)]
struct Labels {
    source: EndpointSource,
    templates: Templates,
    routes: RouteNames,
    tenants: Tenants,
}

impl LabelTexts for Labels {
    fn endpoint(&self, id: EndpointId) -> &str {
        match self.source {
            EndpointSource::Template => self.templates.label(id),
            EndpointSource::RouteName => self.routes.label(id),
        }
    }

    fn tenant(&self, id: TenantId) -> &str {
        self.tenants.name(id)
    }
}

impl Recorder {
    /// A recorder that has counted nothing.
    pub fn new(config: &Config) -> Self {
        let mut templates = Templates::default();
        for template in &config.endpoints.templates {
            // Validation refused two templates of one shape.
            let _unique = templates.insert(template);
        }
        let mut excluded = Templates::default();
        for exclude in &config.endpoints.exclude {
            if let Exclude::Template(template) = exclude {
                let _twice_is_harmless = excluded.insert(template);
            }
        }
        let keys = Keys::new(&config.service);
        let labels = Labels {
            source: config.endpoints.source,
            templates,
            routes: RouteNames::new(config.limits),
            tenants: Tenants::new(&config.tenant, config.limits.max_label_bytes, &keys),
        };
        let sources = Sources::new(config);
        Self {
            labels,
            registry: Registry::new(config),
            fleet: Fleet::new(&keys, config.tick.as_nanos()),
            in_progress: InProgress::new(&keys),
            warned: false,
            interests: RequestInterests::new(config, sources.headers()),
            sources,
            excluded,
            unit: config.duration_unit,
            path: Vec::new(),
        }
    }

    /// Takes a stream's request headers; `ends_stream` says that no body follows.
    pub fn begin<H: Host>(&mut self, stream: &mut Stream, ends_stream: bool, host: &mut H) {
        if !matches!(stream, Stream::New) {
            return;
        }
        let headers = host.headers(HeaderMap::Request).unwrap_or_else(|_| {
            self.registry.drop_one(DropReason::Hostcall, &self.labels, host);
            Vec::new()
        });
        *stream = match self.read_request(&headers, ends_stream, true, host) {
            None => Stream::Excluded,
            Some(mut open) => {
                open.in_progress = self.enter(open.method, open.endpoint, host);
                Stream::Open(open)
            }
        };
    }

    /// Takes a stream's response headers, a local reply's too.
    pub fn response_headers<H: Host>(&mut self, stream: &mut Stream, host: &mut H) {
        let Stream::Open(open) = stream else { return };
        match host.headers(HeaderMap::Response) {
            Ok(headers) => {
                open.upstream = upstream_facts(&headers);
                // A call that fails at once has its code here, and no trailers.
                open.grpc_code = if open.grpc { grpc_status(&headers) } else { None };
            }
            Err(_) => self.registry.drop_one(DropReason::Hostcall, &self.labels, host),
        }
    }

    /// Takes a stream's response trailers: at the end of an HTTP/3 stream Envoy no longer has them.
    pub fn response_trailers<H: Host>(&mut self, stream: &mut Stream, host: &mut H) {
        let Stream::Open(open) = stream else { return };
        if !open.grpc {
            return;
        }
        match host.headers(HeaderMap::ResponseTrailers) {
            Ok(trailers) => open.grpc_code = grpc_status(&trailers).or(open.grpc_code),
            Err(_) => self.registry.drop_one(DropReason::Hostcall, &self.labels, host),
        }
    }

    /// Takes the end of a stream and records it, once; also of a stream whose beginning was never seen.
    pub fn finish<H: Host>(&mut self, stream: &mut Stream, host: &mut H) {
        let open = match std::mem::replace(stream, Stream::Finished) {
            Stream::Open(open) => Some(open),
            Stream::New => self.read_refused(host),
            Stream::Excluded | Stream::Finished => None,
        };
        let Some(open) = open else { return };
        if let Some(row) = open.in_progress {
            self.leave(row, host);
        }
        let mut exchange = self.read_end(&open, host);
        exchange.tenant = self.tenant(open.tenant, exchange.status, host);
        exchange.violates = match open.violates {
            None => None,
            Some(Violator::Served) => Some(exchange.tenant),
            Some(Violator::Other(claim)) => Some(self.tenant(claim, exchange.status, host)),
        };
        self.record(&exchange, host);
    }

    /// Reads a request that was answered before our turn came. Nobody we know of was served, hence no tenant.
    fn read_refused<H: Host>(&mut self, host: &mut H) -> Option<Open> {
        let headers = host.headers(HeaderMap::Request).unwrap_or_else(|status| {
            // Envoy has no request headers where its codec answered before they were read.
            if !status.is_absent() && status != HostStatus::BAD_ARGUMENT {
                self.registry.drop_one(DropReason::Hostcall, &self.labels, host);
            }
            Vec::new()
        });
        let mut open = self.read_request(&headers, false, false, host)?;
        if open.grpc {
            // Who refused it said why in the response's headers, which no callback has shown us.
            open.grpc_code = host.headers(HeaderMap::Response).ok().and_then(|h| grpc_status(&h));
        }
        Some(open)
    }

    /// Reads who asks for what; `None` where the request is excluded.
    fn read_request<H: Host>(
        &mut self,
        headers: &[u8],
        bodyless: bool,
        with_tenant: bool,
        host: &mut H,
    ) -> Option<Open> {
        let head = self.interests.read(headers);
        let readable = head.path.is_some_and(|path| normalize(path, &mut self.path));
        if head.excluded || (readable && self.excluded.find(&self.path).is_some()) {
            return None;
        }
        let template = readable.then(|| self.labels.templates.find(&self.path)).flatten();
        let endpoint = match self.labels.source {
            EndpointSource::Template => template,
            EndpointSource::RouteName => {
                host.property(Property::RouteName).ok().map(|name| self.labels.routes.id(&name))
            }
        };
        let (tenant, violates) = match with_tenant {
            true => self.read_tenants(&head, template, host),
            false => (Claim::Tenant(TenantId::NONE), None),
        };
        Some(Open {
            method: head.method,
            endpoint: endpoint.unwrap_or(EndpointId::OTHER),
            tenant,
            violates,
            in_progress: None,
            bodyless,
            grpc: head.grpc,
            grpc_code: None,
            upstream: UpstreamFacts::default(),
        })
    }

    /// Reads who is served, and who the caller claimed to be where it asked for the resource of another.
    fn read_tenants(
        &mut self,
        head: &RequestHead<'_>,
        template: Option<EndpointId>,
        host: &mut impl Host,
    ) -> (Claim, Option<Violator>) {
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
        drop(served);
        drop(request);
        self.path = normal;
        (tenant, violates)
    }

    fn claim(&mut self, value: &[u8], host: &mut impl Host) -> Claim {
        self.labels.tenants.claim(value, host).unwrap_or_else(|_| {
            self.registry.drop_one(DropReason::SharedData, &self.labels, host);
            Claim::Tenant(TenantId::OTHER)
        })
    }

    /// Whose request it was, now that it has been answered.
    fn tenant(&mut self, claim: Claim, status: Status, host: &mut impl Host) -> TenantId {
        let claim = match claim {
            Claim::Candidate(name) if status.is_success() => self.labels.tenants.answered(name, host),
            claim => Ok(claim),
        };
        match claim {
            Ok(Claim::Tenant(tenant)) => tenant,
            Ok(Claim::Candidate(_) | Claim::PastLimit) => {
                self.registry.count(Series::Overflow("tenant"), &self.labels, host);
                TenantId::OTHER
            }
            Err(_) => {
                self.registry.drop_one(DropReason::SharedData, &self.labels, host);
                TenantId::OTHER
            }
        }
    }

    /// Reads how a stream ended.
    fn read_end<H: Host>(&mut self, open: &Open, host: &mut H) -> Exchange {
        let status = self.number(Property::ResponseCode, host).and_then(|code| u16::try_from(code).ok());
        let flags = ResponseFlags(self.number(Property::ResponseFlags, host).unwrap_or(0));
        let grpc = open.grpc.then(|| self.read_grpc_code(open, flags, host));
        let duration_ns = self.number(Property::RequestDuration, host);
        let request_bytes = match open.bodyless {
            true => Some(0),
            false => request_body_bytes(host).unwrap_or_else(|_| self.unreadable(host)),
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

    /// Records the observations of one exchange.
    fn record(&mut self, exchange: &Exchange, sink: &mut impl Host) {
        let Exchange { method, endpoint, tenant, status, flags, .. } = *exchange;
        let (registry, labels) = (&mut self.registry, &self.labels);
        registry.count(Series::Requests(method, endpoint, StatusLabel::Code(status)), labels, sink);
        if let Some(nanos) = exchange.duration_ns.filter(|_| !exchange.is_tunnel()) {
            let series = Series::PerMethod(Metric::HttpRequestDuration, method, endpoint);
            registry.observe(series, self.unit.of_nanos(nanos), labels, sink);
        }
        let sizes = [
            (exchange.request_bytes, Metric::HttpRequestSize, Metric::TenantRequestBytes),
            (exchange.response_bytes, Metric::HttpResponseSize, Metric::TenantResponseBytes),
        ];
        for (bytes, histogram, counter) in sizes {
            let Some(bytes) = bytes else { continue };
            registry.observe(Series::PerMethod(histogram, method, endpoint), bytes, labels, sink);
            registry.add(Series::PerTenant(counter, tenant), bytes, labels, sink);
        }
        registry.count(Series::TenantRequests(tenant, status.class()), labels, sink);

        if let Some(reason) = flags.failure() {
            registry.count(Series::Failures(endpoint, reason), labels, sink);
        }
        if status == Status(429) || flags.is_rate_limited() {
            registry.count(Series::PerTenant(Metric::TenantRateLimited, tenant), labels, sink);
        }
        if let Some(claimed) = exchange.violates {
            registry.count(Series::PerTenant(Metric::TenantIsolationViolations, claimed), labels, sink);
        }
        match status {
            Status(401) => registry.count(Series::PerEndpoint(Metric::AuthFailures, endpoint), labels, sink),
            Status(403) => registry.count(Series::PerEndpoint(Metric::AccessDenied, endpoint), labels, sink),
            _ => {}
        }
        if let Some(code) = exchange.grpc {
            registry.count(Series::GrpcRequests(endpoint, code), labels, sink);
        }
        let UpstreamFacts { service_time_ms, attempts } = exchange.upstream;
        if let Some(ms) = service_time_ms.filter(|_| !exchange.is_tunnel()) {
            let nanos = ms.saturating_mul(1_000_000);
            // Where Envoy does not set the header, it lets the upstream's pass: an answer cannot take longer than
            // the exchange.
            if exchange.duration_ns.is_none_or(|whole| nanos <= whole) {
                let series = Series::PerEndpoint(Metric::HttpUpstreamDuration, endpoint);
                registry.observe(series, self.unit.of_nanos(nanos), labels, sink);
            } else {
                registry.drop_one(DropReason::ValueRange, labels, sink);
            }
        }
        match attempts.and_then(|n| n.checked_sub(1)) {
            Some(retries @ 0..=MOST_RETRIES) => {
                registry.add(Series::PerEndpoint(Metric::HttpRetries, endpoint), retries, labels, sink);
            }
            // No retry policy does that: it is the upstream's own header, which Envoy lets pass.
            Some(_) => registry.drop_one(DropReason::ValueRange, labels, sink),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests;
