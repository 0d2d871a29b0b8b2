//! All ports over plain memory: a stream's facts in, the metrics that were recorded out. For tests and benches.
//!
//! It stands for one Envoy: several recorders on one host are VMs that share its metrics, shared data and clock.

use crate::attributes::{Attributes, HeaderMap, HostStatus, Property};
use crate::metric::Kind;
use crate::shared::{Cas, Machine, SharedData};
use crate::sink::{MetricId, MetricSink};
use std::collections::BTreeMap;

/// A header's name and value.
type Pair = (Vec<u8>, Vec<u8>);

/// A host that answers from its fields and keeps what it is told, with Envoy's rules for counters and gauges.
#[derive(Debug, Default)]
pub struct MemoryHost {
    /// The request headers, in order; `None` where the host has none.
    pub request_headers: Option<Vec<Pair>>,
    /// The response headers, in order; `None` where the host has none.
    pub response_headers: Option<Vec<Pair>>,
    /// The response trailers, in order; `None` where the host has none.
    pub response_trailers: Option<Vec<Pair>>,
    /// The properties that are present.
    pub properties: Vec<(Property, Vec<u8>)>,
    /// What every call of this port answers instead, where set.
    pub refuses_metrics: Option<HostStatus>,
    /// What reading answers instead, where set.
    pub refuses_reads: Option<HostStatus>,
    /// What every call on shared data answers instead, where set.
    pub refuses_shared: Option<HostStatus>,
    /// What is added to a metric is thrown away, as where Envoy's `stats_matcher` rejects it.
    pub discards_metrics: bool,
    /// How often a metric was defined.
    pub defines: usize,
    /// Time on both clocks.
    pub now_ns: u64,
    shared: BTreeMap<Vec<u8>, (Vec<u8>, u32)>,
    writes: u32,
    rolls: u64,
    names: BTreeMap<String, MetricId>,
    metrics: Vec<(Kind, Vec<u64>)>,
}

impl MemoryHost {
    /// A stream with these request headers.
    pub fn with_headers(headers: &[(&str, &str)]) -> Self {
        Self { request_headers: Some(owned_pairs(headers)), ..Self::default() }
    }

    /// Forgets what recorders shared, as Envoy does when the last VM of a `vm_id` is gone.
    pub fn forget_shared_data(&mut self) {
        self.shared.clear();
    }

    /// Sets a whole-number property.
    pub fn set_number(&mut self, property: Property, value: i64) {
        self.properties.retain(|(known, _)| *known != property);
        self.properties.push((property, value.to_le_bytes().to_vec()));
    }

    /// A counter's or gauge's value; a gauge below 0 reads as Envoy shows it, wrapped.
    pub fn value(&self, stat_name: &str) -> Option<u64> {
        match self.metric(stat_name)? {
            (Kind::Counter | Kind::Gauge, values) => values.first().copied(),
            (Kind::Histogram, _) => None,
        }
    }

    /// A histogram's samples, in order.
    pub fn samples(&self, stat_name: &str) -> Option<&[u64]> {
        match self.metric(stat_name)? {
            (Kind::Histogram, values) => Some(values),
            _ => None,
        }
    }

    /// Every stat name that was defined, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    fn pairs(&self, map: HeaderMap) -> Result<&[Pair], HostStatus> {
        let pairs = match map {
            HeaderMap::Request => &self.request_headers,
            HeaderMap::Response => &self.response_headers,
            HeaderMap::ResponseTrailers => &self.response_trailers,
        };
        self.refuses_reads.map_or_else(|| pairs.as_deref().ok_or(HostStatus::NOT_FOUND), Err)
    }

    fn bytes(&self, property: Property) -> Result<&[u8], HostStatus> {
        let found = self.properties.iter().find(|(known, _)| *known == property);
        let found = found.map(|(_, bytes)| bytes.as_slice()).ok_or(HostStatus::NOT_FOUND);
        self.refuses_reads.map_or(found, Err)
    }

    fn metric(&self, stat_name: &str) -> Option<&(Kind, Vec<u64>)> {
        self.metrics.get(usize::try_from(self.names.get(stat_name)?.0).ok()?)
    }

    fn touch(
        &mut self,
        id: MetricId,
        act: impl FnOnce(Kind, &mut Vec<u64>) -> Option<()>,
    ) -> Result<(), HostStatus> {
        if let Some(status) = self.refuses_metrics {
            return Err(status);
        }
        let place = usize::try_from(id.0).ok().and_then(|i| self.metrics.get_mut(i));
        let (kind, values) = place.ok_or(HostStatus::NOT_FOUND)?;
        act(*kind, values).ok_or(HostStatus::BAD_ARGUMENT)
    }
}

impl MetricSink for MemoryHost {
    fn define(&mut self, kind: Kind, stat_name: &str) -> Result<MetricId, HostStatus> {
        if let Some(status) = self.refuses_metrics {
            return Err(status);
        }
        self.defines = self.defines.saturating_add(1);
        if let Some(id) = self.names.get(stat_name) {
            return Ok(*id);
        }
        let id = MetricId(u32::try_from(self.metrics.len()).unwrap_or(u32::MAX));
        self.names.insert(stat_name.to_owned(), id);
        let start = if kind == Kind::Histogram { Vec::new() } else { vec![0] };
        self.metrics.push((kind, start));
        Ok(id)
    }

    fn add(&mut self, id: MetricId, delta: i64) -> Result<(), HostStatus> {
        let discards = self.discards_metrics;
        self.touch(id, |kind, values| {
            let value = values.first_mut()?;
            match kind {
                Kind::Counter | Kind::Gauge if discards => {}
                Kind::Counter if delta > 0 => *value = value.checked_add_signed(delta)?,
                Kind::Gauge => *value = value.wrapping_add_signed(delta),
                _ => return None,
            }
            Some(())
        })
    }

    fn set(&mut self, id: MetricId, value: u64) -> Result<(), HostStatus> {
        self.touch(id, |kind, values| {
            (kind == Kind::Gauge).then_some(())?;
            *values.first_mut()? = value;
            Some(())
        })
    }

    fn observe(&mut self, id: MetricId, value: u64) -> Result<(), HostStatus> {
        self.touch(id, |kind, values| (kind == Kind::Histogram).then(|| values.push(value)))
    }

    fn total(&mut self, id: MetricId) -> Result<u64, HostStatus> {
        let mut value = 0;
        self.touch(id, |kind, values| {
            (kind != Kind::Histogram).then_some(())?;
            value = *values.first()?;
            Some(())
        })?;
        Ok(value)
    }
}

impl SharedData for MemoryHost {
    fn read(&mut self, key: &[u8]) -> Result<(Vec<u8>, Cas), HostStatus> {
        if let Some(status) = self.refuses_shared {
            return Err(status);
        }
        let (value, cas) = self.shared.get(key).ok_or(HostStatus::NOT_FOUND)?;
        Ok((value.clone(), Cas(*cas)))
    }

    fn write(&mut self, key: &[u8], value: &[u8]) -> Result<(), HostStatus> {
        if let Some(status) = self.refuses_shared {
            return Err(status);
        }
        self.writes = self.writes.saturating_add(1);
        self.shared.insert(key.to_vec(), (value.to_vec(), self.writes));
        Ok(())
    }

    fn swap(&mut self, key: &[u8], value: &[u8], cas: Cas) -> Result<(), HostStatus> {
        match self.shared.get(key) {
            Some((_, current)) if *current != cas.0 => Err(HostStatus::CAS_MISMATCH),
            _ => SharedData::write(self, key, value),
        }
    }
}

impl Machine for MemoryHost {
    fn monotonic_ns(&mut self) -> u64 {
        self.now_ns
    }

    fn unix_seconds(&mut self) -> u64 {
        self.now_ns.checked_div(1_000_000_000).unwrap_or(0)
    }

    fn random(&mut self) -> u64 {
        self.rolls = self.rolls.wrapping_add(1);
        self.rolls.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

impl Attributes for MemoryHost {
    fn headers(&mut self, map: HeaderMap, into: &mut Vec<u8>) -> Result<(), HostStatus> {
        into.clear();
        into.append(&mut encode_pairs(self.pairs(map)?));
        Ok(())
    }

    fn header(&mut self, map: HeaderMap, name: &str, into: &mut Vec<u8>) -> Result<(), HostStatus> {
        into.clear();
        let found = self.pairs(map)?.iter().find(|(known, _)| known == name.as_bytes());
        found.map(|(_, value)| into.extend_from_slice(value)).ok_or(HostStatus::NOT_FOUND)
    }

    fn property(&mut self, property: Property, into: &mut Vec<u8>) -> Result<(), HostStatus> {
        into.clear();
        into.extend_from_slice(self.bytes(property)?);
        Ok(())
    }

    fn integer(&mut self, property: Property) -> Result<i64, HostStatus> {
        let bytes = self.bytes(property)?.try_into().map_err(|_| HostStatus::SERIALIZATION_FAILURE)?;
        Ok(i64::from_le_bytes(bytes))
    }
}

/// Header pairs with their own bytes.
pub fn owned_pairs(headers: &[(&str, &str)]) -> Vec<(Vec<u8>, Vec<u8>)> {
    headers.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
}

/// Header pairs as the host serialises them (see [`crate::attributes::header_pairs`]).
pub fn encode_pairs(pairs: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
    let mut bytes = number(pairs.len()).to_vec();
    for (name, value) in pairs {
        bytes.extend_from_slice(&number(name.len()));
        bytes.extend_from_slice(&number(value.len()));
    }
    for text in pairs.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend_from_slice(text);
        bytes.push(0);
    }
    bytes
}
