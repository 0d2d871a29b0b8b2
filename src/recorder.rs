//! A stream's beginning and end in, observations out.
//!
//! Per stream, once each: [`Recorder::begin`] reads who asks for what and moves the in-progress gauge up;
//! [`Recorder::finish`] reads how it ended, moves the gauge down again and records everything else. What only the
//! response's headers and trailers say is read between the two.

mod buffers;
mod lifecycle;
mod observe;
mod read;
mod stream;

pub use lifecycle::{Ticked, Warning};
pub use stream::{Open, Stream};

use crate::active_users::Census;
use crate::attributes::{
    HeaderMap, RequestInterests, UpstreamInterests, grpc_status, header_pairs, upstream_facts,
};
use crate::config::{Config, Duration, EndpointSource, Exclude};
use crate::endpoint::{EndpointId, RouteNames, Templates};
use crate::exchange::TenantId;
use crate::fleet::Fleet;
use crate::in_progress::InProgress;
use crate::metric::DurationUnit;
use crate::objectives::Objectives;
use crate::registry::{CustomId, DropReason, LabelTexts, Registry};
use crate::rules::Rules;
use crate::shared::{Host, Keys};
use crate::slo::{SloIndex, Window};
use crate::source::Sources;
use crate::stat_name;
use crate::tenant::Tenants;
use buffers::Buffers;
use stream::Violator;

/// Records the exchanges of one configuration in one VM.
#[derive(Debug)]
pub struct Recorder {
    labels: Labels,
    registry: Registry,
    fleet: Fleet,
    in_progress: InProgress,
    /// `None` where nobody asks for users.
    users: Option<Census>,
    objectives: Objectives,
    interests: RequestInterests,
    sources: Sources,
    excluded: Templates,
    unit: DurationUnit,
    /// It has said that Envoy rejects its metrics.
    warned: bool,
    /// Scratch space for a path's normal form.
    path: Vec<u8>,
    buffers: Buffers,
    /// What is asked of response headers where no custom metric reads them.
    upstream: UpstreamInterests,
}

/// The texts behind the numbers in a series.
#[derive(Debug)]
struct Labels {
    source: EndpointSource,
    templates: Templates,
    routes: RouteNames,
    tenants: Tenants,
    rules: Rules,
    /// Names and periods.
    slos: Vec<(String, Duration)>,
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

    fn slo(&self, index: SloIndex) -> &str {
        self.slos.get(index).map_or(stat_name::OTHER, |(name, _)| name)
    }

    fn window(&self, index: SloIndex, window: Window) -> String {
        self.slos.get(index).map_or_else(String::new, |(_, period)| window.length(*period).to_string())
    }

    fn listed(&self, metric: CustomId, place: usize, number: u32) -> &str {
        self.rules.listed(metric, place, number)
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
        let mut routes = RouteNames::new(config.limits);
        let objectives = Objectives::new(config, &keys, &mut routes);
        let rules = Rules::new(config, &keys, &mut routes);
        let labels = Labels {
            source: config.endpoints.source,
            templates,
            routes,
            tenants: Tenants::new(&config.tenant, config.limits.max_label_bytes, &keys),
            rules,
            slos: config.slos.iter().map(|slo| (slo.name.clone(), slo.period)).collect(),
        };
        let sources = Sources::new(config);
        Self {
            labels,
            registry: Registry::new(config),
            fleet: Fleet::new(&keys, config.tick.as_nanos()),
            in_progress: InProgress::new(&keys),
            users: (!config.user.sources.is_empty()).then(|| Census::new(&keys, config.user.active_window)),
            objectives,
            warned: false,
            interests: RequestInterests::new(config, sources.headers()),
            sources,
            excluded,
            unit: config.duration_unit,
            path: Vec::new(),
            buffers: Buffers::default(),
            upstream: UpstreamInterests::new(config),
        }
    }

    /// Takes a stream's request headers; `ends_stream` says that no body follows.
    pub fn begin<H: Host>(&mut self, stream: &mut Stream, ends_stream: bool, host: &mut H) {
        if !matches!(stream, Stream::New) {
            return;
        }
        let mut headers = self.buffers.take();
        if host.headers(HeaderMap::Request, &mut headers).is_err() {
            self.registry.drop_one(DropReason::Hostcall, &self.labels, host);
        }
        *stream = match self.read_request(&headers, ends_stream, true, host) {
            None => {
                self.buffers.give(headers);
                Stream::Excluded
            }
            Some(mut open) => {
                open.in_progress = self.enter(open.method, open.endpoint, host);
                self.keep_request(&mut open, headers);
                Stream::Open(open)
            }
        };
    }

    /// Takes a stream's response headers, a local reply's too.
    pub fn response_headers<H: Host>(&mut self, stream: &mut Stream, host: &mut H) {
        let Stream::Open(open) = stream else { return };
        let rules = &self.labels.rules;
        let mut buffer = self.buffers.take();
        // All headers cost as much as one or two that are there; those that are not cost next to nothing.
        let read = if rules.reads_responses() {
            host.headers(HeaderMap::Response, &mut buffer).map(|()| {
                let mut read = false;
                open.upstream = upstream_facts(&buffer, |name| read = read || rules.reads_response(name));
                // A call that fails at once has its code here, and no trailers.
                open.grpc_code = if open.grpc { grpc_status(&buffer) } else { None };
                if read {
                    open.messages.response = Some(std::mem::take(&mut buffer));
                }
            })
        } else {
            self.upstream.read(open.grpc, &mut buffer, host).map(|(facts, grpc_code)| {
                open.upstream = facts;
                open.grpc_code = grpc_code;
            })
        };
        self.buffers.give(buffer);
        if read.is_err() {
            self.registry.drop_one(DropReason::Hostcall, &self.labels, host);
        }
    }

    /// Takes a stream's response trailers: at the end of an HTTP/3 stream Envoy no longer has them.
    pub fn response_trailers<H: Host>(&mut self, stream: &mut Stream, host: &mut H) {
        let Stream::Open(open) = stream else { return };
        if !open.grpc && !self.labels.rules.read_trailers() {
            return;
        }
        let mut trailers = self.buffers.take();
        if host.headers(HeaderMap::ResponseTrailers, &mut trailers).is_err() {
            self.registry.drop_one(DropReason::Hostcall, &self.labels, host);
        } else if open.grpc {
            open.grpc_code = grpc_status(&trailers).or(open.grpc_code);
        }
        if header_pairs(&trailers).any(|(name, _)| self.labels.rules.reads_response(name)) {
            open.messages.trailers = Some(trailers);
        } else {
            self.buffers.give(trailers);
        }
    }

    /// Takes the end of a stream and records it, once; also of a stream whose beginning was never seen.
    pub fn finish<H: Host>(&mut self, stream: &mut Stream, host: &mut H) {
        let open = match std::mem::replace(stream, Stream::Finished) {
            Stream::Open(open) => Some(open),
            Stream::New => self.read_refused(host),
            Stream::Excluded | Stream::Finished => None,
        };
        let Some(mut open) = open else { return };
        if let Some(row) = open.in_progress {
            self.leave(row, host);
        }
        let mut exchange = self.read_end(&open, host);
        let served = exchange.is_success();
        exchange.tenant = self.tenant(open.take_tenant(), served, host);
        if let (Some(users), Some(user)) = (&mut self.users, open.user) {
            users.seen(exchange.tenant, user, host);
        }
        exchange.violates = match open.violates.take() {
            None => None,
            Some(Violator::Served) => Some(exchange.tenant),
            Some(Violator::Other(claim)) => Some(self.tenant(claim, served, host)),
        };
        self.record(&exchange, host);
        self.count_events(&exchange, open.group, host);
        self.apply_rules(&exchange, &open.messages, host);
        open.messages.take_buffers().for_each(|buffer| self.buffers.give(buffer));
        self.buffers.give_open(open);
    }
}

#[cfg(test)]
mod tests;
