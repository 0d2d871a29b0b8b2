//! What a custom metric's labels are taken from: an exchange and its messages in, bounded label values out.

use super::messages::first_value;
use super::seen::Seen;
use crate::attributes::{HostStatus, Property};
use crate::config::{Attribute, Config, CustomMetric, EndpointSource};
use crate::endpoint::normalize;
use crate::exchange::{CodeClass, Method};
use crate::label_values::{Admission, LabelValues};
use crate::registry::LabelId;
use crate::roster::{Roster, hash};
use crate::shared::{Host, Keys};
use crate::signals::server_timing::Entry;
use crate::source::host;
use std::borrow::Cow;

/// One label, compiled.
#[derive(Debug)]
pub(super) struct LabelRule {
    source: Source,
    pub(super) table: Table,
}

#[derive(Debug)]
enum Source {
    Method,
    Endpoint,
    Status,
    CodeClass,
    Tenant,
    Host,
    Param(Box<str>),
    RequestHeader(Box<[u8]>),
    ResponseHeader(Box<[u8]>),
    /// `desc` of the entry that is observed where it has this name, else of the first that has.
    ServerTiming(Box<[u8]>),
    Upstream,
    Constant(Box<str>),
}

/// What bounds a label's values.
#[derive(Debug)]
pub(super) enum Table {
    /// There are no more values than the limit anyway.
    Alphabet,
    /// Values that are bounded already, but by a higher limit: the first ones seen.
    Numbers(Roster<u64>),
    /// Values of clients or upstreams.
    Values(Box<LabelValues>),
    /// The configuration's one value.
    Constant(Box<str>),
}

/// Why a label became `_other`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Problem {
    /// The table is full, or the value has not been answered well often enough.
    PastLimit,
    /// The table could not be read or written.
    SharedData,
}

impl From<HostStatus> for Problem {
    fn from(_: HostStatus) -> Self {
        Self::SharedData
    }
}

/// The name of the candidates' table, one for all custom metrics.
pub(super) const CANDIDATES: &str = "custom";

/// Codes of three digits, and 0.
const STATUSES: usize = 1000;

/// The labels of a metric, in the order of its stat name.
#[inline(never)]
pub(super) fn compile(metric: &CustomMetric, config: &Config, keys: &Keys) -> Vec<LabelRule> {
    let written = metric.labels.iter().map(|(name, attribute)| (name.as_str(), Source::new(attribute)));
    let upstream = metric.per_upstream.then_some(("upstream", Source::Upstream));
    let table = |name: &str, source: &Source| {
        let most = usize::try_from(metric.max).unwrap_or(usize::MAX);
        let named = |table: &str| [table, &metric.name, "/", name].concat();
        if let Source::Constant(text) = source {
            return Table::Constant(text.clone());
        }
        match source.values(config) {
            Some(values) if values <= most => Table::Alphabet,
            // A table of another name: one metric may be configured twice, or anew, with texts in this label.
            Some(_) => Table::Numbers(Roster::new(keys, &named("custom-numbers/"), metric.max)),
            None => {
                let bytes = config.limits.max_label_bytes;
                let name = named("custom/");
                Table::Values(Box::new(LabelValues::beside(keys, &name, CANDIDATES, metric.max, bytes)))
            }
        }
    };
    let labels = written.chain(upstream);
    labels.map(|(name, source)| LabelRule { table: table(name, &source), source }).collect()
}

impl Source {
    fn new(attribute: &Attribute) -> Self {
        let bytes = |name: &str| name.as_bytes().into();
        match attribute {
            Attribute::Method => Self::Method,
            Attribute::Endpoint => Self::Endpoint,
            Attribute::Status => Self::Status,
            Attribute::CodeClass => Self::CodeClass,
            Attribute::Tenant => Self::Tenant,
            Attribute::Host => Self::Host,
            Attribute::Param(name) => Self::Param(name.as_str().into()),
            Attribute::RequestHeader(name) => Self::RequestHeader(bytes(name)),
            Attribute::ResponseHeader(name) => Self::ResponseHeader(bytes(name)),
            Attribute::ServerTiming(name) => Self::ServerTiming(bytes(name)),
            Attribute::Constant(text) => Self::Constant(text.as_str().into()),
        }
    }

    /// How many values it can have, reserved words aside; `None` where others than the configuration decide.
    fn values(&self, config: &Config) -> Option<usize> {
        match self {
            Self::Method => Some(Method::ALL.len()),
            Self::Endpoint => Some(match config.endpoints.source {
                EndpointSource::Template => config.endpoints.templates.len(),
                EndpointSource::RouteName => usize::MAX,
            }),
            Self::Status => Some(STATUSES),
            Self::CodeClass => Some(CodeClass::ALL.len()),
            Self::Tenant => Some(usize::try_from(config.tenant.max).unwrap_or(usize::MAX)),
            _ => None,
        }
    }
}

impl LabelRule {
    pub(super) fn reads_request(&self) -> bool {
        matches!(self.source, Source::Host | Source::Param(_) | Source::RequestHeader(_))
    }

    /// Whether the entries of one response may have different values.
    pub(super) fn reads_entry(&self) -> bool {
        matches!(self.source, Source::ServerTiming(_))
    }

    /// The label's value; the error says why it is `_other`.
    #[inline(never)]
    pub(super) fn id(
        &mut self,
        seen: &mut Seen<'_, '_, '_>,
        entry: Option<&Entry<'_>>,
        host: &mut impl Host,
    ) -> Result<LabelId, Problem> {
        let exchange = seen.exchange;
        let id = match &self.source {
            Source::Method => LabelId::method(exchange.method),
            Source::Endpoint => LabelId::endpoint(exchange.endpoint),
            Source::Status => LabelId::status(exchange.status),
            Source::CodeClass => LabelId::class(exchange.status.class()),
            Source::Tenant => LabelId::tenant(exchange.tenant),
            Source::Constant(_) => return Ok(LabelId::CONSTANT),
            source => {
                let text = source.text(seen, entry, host);
                return self.table.value(text.as_deref(), source.is_trusted(), exchange.is_success(), host);
            }
        };
        let number = match self.source {
            // Route names have other numbers in other VMs.
            Source::Endpoint => hash(seen.endpoint),
            _ => id.number().into(),
        };
        self.table.number(id, number, host)
    }
}

impl Source {
    /// What the label would be; `None` where there is nothing.
    #[inline(never)]
    fn text<'s>(
        &self,
        seen: &'s mut Seen<'_, '_, '_>,
        entry: Option<&Entry<'s>>,
        host: &mut impl Host,
    ) -> Option<Cow<'s, [u8]>> {
        let header = |headers: &'s Option<Vec<u8>>, name: &[u8]| first_value(headers.as_deref()?, name);
        let text = match self {
            Self::RequestHeader(name) => header(&seen.messages.request, name)?.into(),
            Self::ResponseHeader(name) => header(&seen.messages.response, name)?.into(),
            Self::Host => host::name(header(&seen.messages.request, b":authority")?),
            Self::Param(name) => {
                let path = header(&seen.messages.request, b":path")?;
                let normal = normalize(path, seen.path).then_some(&*seen.path)?;
                let template = seen.templates.get(seen.templates.find(normal)?)?;
                template.parameter(name, normal)?.into()
            }
            Self::ServerTiming(name) => {
                let observed = entry.filter(|entry| *entry.name() == **name).copied();
                let first = || seen.signals.entries().iter().find(|entry| *entry.name() == **name).copied();
                observed.or_else(first)?.description()?
            }
            Self::Upstream => {
                let address = || {
                    let mut address = Vec::new();
                    let _absent = host.property(Property::UpstreamAddress, &mut address);
                    address
                };
                seen.upstream.get_or_insert_with(address).as_slice().into()
            }
            Self::Method
            | Self::Endpoint
            | Self::Status
            | Self::CodeClass
            | Self::Tenant
            | Self::Constant(_) => return None,
        };
        Some(text).filter(|text| !text.is_empty())
    }

    /// Whether no client can make its values up.
    fn is_trusted(&self) -> bool {
        matches!(self, Self::ResponseHeader(_) | Self::ServerTiming(_) | Self::Upstream)
    }
}

impl Table {
    pub(super) fn prepare(&mut self, host: &mut impl Host) -> Result<(), HostStatus> {
        match self {
            Self::Alphabet | Self::Constant(_) => Ok(()),
            Self::Numbers(numbers) => numbers.prepare(host),
            Self::Values(values) => values.prepare(host),
        }
    }

    /// A value of the table.
    pub(super) fn get(&self, number: u32) -> Option<&str> {
        match self {
            Self::Values(values) => values.get(number),
            Self::Constant(text) => Some(text),
            Self::Alphabet | Self::Numbers(_) => None,
        }
    }

    /// Learns of what other VMs have admitted.
    pub(super) fn refresh(&mut self, host: &mut impl Host) {
        match self {
            Self::Alphabet | Self::Constant(_) => {}
            Self::Numbers(numbers) => numbers.refresh(host),
            Self::Values(values) => values.refresh(host),
        }
    }

    /// How many values it has, and the most; `None` where it has no limit of its own.
    pub(super) fn occupancy(&self) -> Option<(u32, u32)> {
        match self {
            Self::Alphabet | Self::Constant(_) => None,
            Self::Numbers(numbers) => Some((numbers.len(), numbers.max())),
            Self::Values(values) => Some(values.occupancy()),
        }
    }

    /// A value with an id of its own; `number` is the same in every VM.
    #[inline(never)]
    fn number(&mut self, id: LabelId, number: u64, host: &mut impl Host) -> Result<LabelId, Problem> {
        match self {
            Self::Numbers(numbers) if !id.is_word() => {
                let known = numbers.find(&number).is_some();
                let admitted = known || (!numbers.is_full() && numbers.admit(number, host)?.is_some());
                if admitted { Ok(id) } else { Err(Problem::PastLimit) }
            }
            _ => Ok(id),
        }
    }

    #[inline(never)]
    fn value(
        &mut self,
        text: Option<&[u8]>,
        trusted: bool,
        served: bool,
        host: &mut impl Host,
    ) -> Result<LabelId, Problem> {
        let (Self::Values(values), Some(text)) = (self, text) else { return Ok(LabelId::NONE) };
        let admission = match values.admit(text, trusted, host)? {
            Admission::Candidate(name) if served => values.answered(name, host)?,
            admission => admission,
        };
        match admission {
            Admission::As(number) => Ok(LabelId::listed(number)),
            Admission::Never => Ok(LabelId::OTHER),
            Admission::Candidate(_) | Admission::Full => Err(Problem::PastLimit),
        }
    }
}
