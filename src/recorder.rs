//! A stream's beginning and end in, observations out.
//!
//! Per stream, once each: [`Recorder::begin`] reads who asks for what and moves the in-progress gauge up;
//! [`Recorder::finish`] reads how it ended, moves the gauge down again and records everything else.

use crate::attributes::{Attributes, HostStatus, Property, header_pairs, number};
use crate::config::{Config, EndpointSource, Exclude, ValueSource};
use crate::endpoint::{EndpointId, Templates, normalize};
use crate::exchange::{Exchange, Method, Status};
use crate::metric::{DurationUnit, Metric};
use crate::registry::{DropReason, LabelTexts, MetricId, MetricSink, Registry, Series, StatusLabel};
use crate::stat_name;
use crate::tenant::{Admission, TenantId, Tenants};
use rustc_hash::FxHashMap;

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

/// What was learnt when a stream began.
#[derive(Debug)]
pub struct Open {
    method: Method,
    endpoint: EndpointId,
    tenant: TenantId,
    /// The gauge that was moved up and must come down, whatever else happens.
    in_progress: Option<MetricId>,
    /// The request had no body: its headers ended it.
    bodyless: bool,
}

/// Records the exchanges of one configuration in one VM.
#[derive(Debug)]
pub struct Recorder {
    labels: Labels,
    registry: Registry,
    source: EndpointSource,
    excluded: Templates,
    excluding_headers: Vec<Vec<u8>>,
    /// Header names, first choice first.
    tenant_headers: Vec<Vec<u8>>,
    unit: DurationUnit,
    path: Vec<u8>,
}

/// The texts behind the numbers in a series.
#[derive(Debug)]
struct Labels {
    templates: Templates,
    routes: RouteNames,
    tenants: Tenants,
}

/// Route names that have been seen, as endpoints; a full table sends the rest to `_other`.
#[derive(Debug, Default)]
struct RouteNames {
    max_label_bytes: usize,
    max: usize,
    ids: FxHashMap<Box<str>, EndpointId>,
    names: Vec<Box<str>>,
    escaped: String,
}

impl RouteNames {
    fn id(&mut self, name: &[u8]) -> EndpointId {
        if !stat_name::escape_into(name, self.max_label_bytes, &mut self.escaped) {
            return EndpointId::OTHER;
        }
        if let Some(id) = self.ids.get(self.escaped.as_str()) {
            return *id;
        }
        match u16::try_from(self.names.len()) {
            Ok(next) if self.names.len() < self.max => {
                let id = EndpointId(next);
                self.names.push(self.escaped.as_str().into());
                self.ids.insert(self.escaped.as_str().into(), id);
                id
            }
            _ => EndpointId::OTHER,
        }
    }
}

impl LabelTexts for Labels {
    fn endpoint(&self, id: EndpointId) -> &str {
        match self.routes.names.get(usize::from(id.0)) {
            Some(name) => name,
            None => self.templates.label(id),
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
        let mut excluded = Templates::default();
        let mut excluding_headers = Vec::new();
        for template in &config.endpoints.templates {
            // Validation refused two templates of one shape.
            let _unique = templates.insert(template);
        }
        for exclude in &config.endpoints.exclude {
            match exclude {
                Exclude::Template(template) => {
                    let _twice_is_harmless = excluded.insert(template);
                }
                Exclude::Header(name) => excluding_headers.push(name.clone().into_bytes()),
            }
        }
        let header = |source: &ValueSource| match source {
            ValueSource::Header(name) => Some(name.clone().into_bytes()),
            // Refused by the configuration of this version.
            ValueSource::Jwt { .. } | ValueSource::Path(_) | ValueSource::Host(_) | ValueSource::Query(_) => {
                None
            }
        };
        let routes = RouteNames {
            max_label_bytes: config.limits.max_label_bytes,
            max: usize::try_from(config.limits.max_series)
                .unwrap_or(usize::MAX)
                .min(60_000),
            ..RouteNames::default()
        };
        let tenants = Tenants::new(&config.tenant, config.limits.max_label_bytes);
        Self {
            labels: Labels {
                templates,
                routes,
                tenants,
            },
            registry: Registry::new(config),
            source: config.endpoints.source,
            excluded,
            excluding_headers,
            tenant_headers: config.tenant.sources.iter().filter_map(header).collect(),
            unit: config.duration_unit,
            path: Vec::new(),
        }
    }

    /// Publishes what does not depend on traffic.
    pub fn start(&mut self, sink: &mut impl MetricSink) {
        self.registry.set(Series::BuildInfo, 1, &self.labels, sink);
    }

    /// Takes a stream's request headers; `ends_stream` says that no body follows.
    pub fn begin<H: Attributes + MetricSink>(
        &mut self,
        stream: &mut Stream,
        ends_stream: bool,
        host: &mut H,
    ) {
        if !matches!(stream, Stream::New) {
            return;
        }
        *stream = match self.read_request(ends_stream, true, host) {
            None => Stream::Excluded,
            Some(mut open) => {
                let series = Series::PerEndpoint(Metric::HttpRequestsInProgress, open.method, open.endpoint);
                let gauge = self.registry.id(series, &self.labels, host);
                open.in_progress = gauge.filter(|id| self.registry.shift(*id, 1, &self.labels, host));
                Stream::Open(open)
            }
        };
    }

    /// Takes the end of a stream and records it, once; also of a stream whose beginning was never seen.
    pub fn finish<H: Attributes + MetricSink>(&mut self, stream: &mut Stream, host: &mut H) {
        let open = match std::mem::replace(stream, Stream::Finished) {
            Stream::Open(open) => Some(open),
            // Refused before our turn came: nobody we know of was served, hence no tenant.
            Stream::New => self.read_request(false, false, host),
            Stream::Excluded | Stream::Finished => None,
        };
        let Some(open) = open else { return };
        if let Some(gauge) = open.in_progress {
            self.registry.shift(gauge, -1, &self.labels, host);
        }
        let exchange = self.read_end(&open, host);
        self.record(&exchange, host);
    }

    /// Reads who asks for what; `None` where the request is excluded.
    fn read_request<H: Attributes + MetricSink>(
        &mut self,
        bodyless: bool,
        with_tenant: bool,
        host: &mut H,
    ) -> Option<Open> {
        let headers = match host.request_headers() {
            Ok(bytes) => bytes,
            Err(status) => {
                // Envoy has no request headers where its codec answered before they were read.
                if with_tenant || !(status.is_absent() || status == HostStatus::BAD_ARGUMENT) {
                    self.registry.drop_one(DropReason::Hostcall, &self.labels, host);
                }
                Vec::new()
            }
        };
        let mut method = Method::Other;
        let mut path = None;
        let mut tenant: Option<(usize, &[u8])> = None;
        for (name, value) in header_pairs(&headers) {
            match name {
                b":method" => method = Method::from_bytes(value),
                b":path" => path = Some(value),
                _ if self.excluding_headers.iter().any(|header| header == name) => return None,
                _ if value.is_empty() => {}
                _ => {
                    let rank = self.tenant_headers.iter().position(|header| header == name);
                    if let Some(rank) = rank
                        && tenant.is_none_or(|(best, _)| rank < best)
                    {
                        tenant = Some((rank, value));
                    }
                }
            }
        }
        let readable = path.is_some_and(|path| normalize(path, &mut self.path));
        if readable && self.excluded.find(&self.path).is_some() {
            return None;
        }
        let endpoint = match self.source {
            EndpointSource::Template => readable.then(|| self.labels.templates.find(&self.path)).flatten(),
            EndpointSource::RouteName => host
                .property(Property::RouteName)
                .ok()
                .map(|name| self.labels.routes.id(&name)),
        };
        let tenant = match tenant {
            Some((_, value)) if with_tenant => self.admit(value, host),
            _ => TenantId::NONE,
        };
        Some(Open {
            method,
            endpoint: endpoint.unwrap_or(EndpointId::OTHER),
            tenant,
            in_progress: None,
            bodyless,
        })
    }

    fn admit(&mut self, value: &[u8], sink: &mut impl MetricSink) -> TenantId {
        match self.labels.tenants.admit(value) {
            Admission::As(tenant) => tenant,
            Admission::Full => {
                self.registry
                    .count(Series::Overflow("tenant"), &self.labels, sink);
                TenantId::OTHER
            }
        }
    }

    /// Reads how a stream ended.
    fn read_end<H: Attributes + MetricSink>(&mut self, open: &Open, host: &mut H) -> Exchange {
        let status = self
            .number(Property::ResponseCode, host)
            .and_then(|code| u16::try_from(code).ok());
        let duration_ns = self.number(Property::RequestDuration, host);
        let request_bytes = if open.bodyless {
            Some(0)
        } else {
            self.read_request_bytes(host)
        };
        let response_bytes = self.number(Property::ResponseSize, host);
        Exchange {
            method: open.method,
            endpoint: open.endpoint,
            tenant: open.tenant,
            status: Status(status.unwrap_or(0)),
            duration_ns,
            request_bytes,
            response_bytes,
        }
    }

    /// Request body bytes that passed. `request.size` would say what content-length declared, so the headers are
    /// taken off the total; where the host has no headers, they are not in the total either.
    fn read_request_bytes<H: Attributes + MetricSink>(&mut self, host: &mut H) -> Option<u64> {
        let total = self.number(Property::RequestTotalSize, host)?;
        Some(total.saturating_sub(host.request_headers_size().unwrap_or(0)))
    }

    fn number<H: Attributes + MetricSink>(&mut self, property: Property, host: &mut H) -> Option<u64> {
        number(host, property).unwrap_or_else(|_| {
            self.registry.drop_one(DropReason::Hostcall, &self.labels, host);
            None
        })
    }

    /// Records the observations of one exchange.
    fn record(&mut self, exchange: &Exchange, sink: &mut impl MetricSink) {
        let Exchange {
            method,
            endpoint,
            tenant,
            status,
            duration_ns,
            request_bytes,
            response_bytes,
        } = *exchange;
        let (registry, labels) = (&mut self.registry, &self.labels);
        registry.count(
            Series::Requests(method, endpoint, StatusLabel::Code(status)),
            labels,
            sink,
        );
        if let Some(nanos) = duration_ns.filter(|_| !exchange.is_tunnel()) {
            let series = Series::PerEndpoint(Metric::HttpRequestDuration, method, endpoint);
            registry.observe(series, self.unit.of_nanos(nanos), labels, sink);
        }
        let sizes = [
            (request_bytes, Metric::HttpRequestSize, Metric::TenantRequestBytes),
            (
                response_bytes,
                Metric::HttpResponseSize,
                Metric::TenantResponseBytes,
            ),
        ];
        for (bytes, histogram, counter) in sizes {
            let Some(bytes) = bytes else { continue };
            registry.observe(
                Series::PerEndpoint(histogram, method, endpoint),
                bytes,
                labels,
                sink,
            );
            registry.add(Series::PerTenant(counter, tenant), bytes, labels, sink);
        }
        registry.count(Series::TenantRequests(tenant, status.class()), labels, sink);
    }
}

#[cfg(test)]
mod tests;
