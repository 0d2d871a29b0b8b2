//! A series in, the id that it was defined with out: one look-up for each observation.

use super::custom::{CustomId, CustomSeries};
use super::series::{Limit, MetricRef, Series, StatusLabel};
use crate::endpoint::EndpointId;
use crate::exchange::Status;
use crate::sink::MetricId;
use rustc_hash::FxHashMap;

/// The ids of the series that have been defined.
#[derive(Debug, Default)]
pub(super) struct Ids {
    built_in: FxHashMap<PackedSeries, MetricId>,
    custom: FxHashMap<CustomSeries, MetricId>,
    /// One series of each metric that is defined only to be counted: it never reads 0.
    counted: Vec<(MetricRef, MetricId)>,
}

impl Ids {
    #[inline]
    pub(super) fn get(&self, series: Series) -> Option<MetricId> {
        match series.pack() {
            Ok(series) => self.built_in.get(&series).copied(),
            Err(series) => self.custom.get(&series).copied(),
        }
    }

    pub(super) fn insert(&mut self, series: Series, id: MetricId) {
        match series.pack() {
            Ok(series) => self.built_in.insert(series, id),
            Err(series) => self.custom.insert(series, id),
        };
        let metric = series.metric();
        if series.is_counted_at_once() && self.counted.iter().all(|(known, _)| *known != metric) {
            self.counted.push((metric, id));
        }
    }

    /// One series of each metric that has been counted, whatever its labels.
    pub(super) fn counted(&self) -> &[(MetricRef, MetricId)] {
        &self.counted
    }
}

/// A series as one word, so that the look-up of each observation hashes and compares one; custom metrics have a table of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct PackedSeries(u64);

/// `kind` tells the variants of [`Series`] apart; two series of one kind differ in one of the others.
const fn packed(kind: u8, short: u8, middle: u16, long: u32) -> PackedSeries {
    PackedSeries((kind as u64) << 56 | (short as u64) << 48 | (middle as u64) << 32 | long as u64)
}

impl Limit {
    const fn packed(self, kind: u8) -> PackedSeries {
        match self {
            Self::MaxSeries => packed(kind, 0, 0, 0),
            Self::Tenant => packed(kind, 0, 0, 1),
            Self::Custom(CustomId(id), place) => packed(kind, place, id, 2),
        }
    }
}

impl Series {
    /// The series as one word, or else the custom series, which is longer.
    fn pack(self) -> Result<PackedSeries, CustomSeries> {
        Ok(match self {
            Self::Custom(series) => return Err(series),
            Self::Requests(method, EndpointId(endpoint), status) => {
                let status = match status {
                    StatusLabel::Code(Status(code)) => u32::from(code),
                    StatusLabel::Class(class) => 1 << 16 | class as u32,
                };
                packed(1, method as u8, endpoint, status)
            }
            Self::PerMethod(metric, method, EndpointId(endpoint)) => {
                packed(2, metric as u8, endpoint, method as u32)
            }
            Self::PerEndpoint(metric, EndpointId(endpoint)) => packed(3, metric as u8, endpoint, 0),
            Self::Failures(EndpointId(endpoint), reason) => packed(4, reason.bit(), endpoint, 0),
            Self::GrpcRequests(EndpointId(endpoint), code) => packed(5, code.number(), endpoint, 0),
            Self::TenantRequests(tenant, class) => packed(6, class as u8, 0, tenant.number()),
            Self::PerTenant(metric, tenant) => packed(7, metric as u8, 0, tenant.number()),
            // On the target a number of an SLO is a u32.
            Self::Slo(metric, slo) => packed(8, metric as u8, 0, u32::try_from(slo).unwrap_or(u32::MAX)),
            Self::SloWindow(metric, slo, window) => {
                packed(9, metric as u8, window as u16, u32::try_from(slo).unwrap_or(u32::MAX))
            }
            Self::Overflow(limit) => limit.packed(10),
            Self::LabelValues(limit) => limit.packed(11),
            Self::LabelValuesMax(limit) => limit.packed(12),
            Self::Dropped(reason) => packed(13, reason as u8, 0, 0),
            Self::BuildInfo => packed(14, 0, 0, 0),
            Self::LastPublish => packed(15, 0, 0, 0),
            Self::LabelSets => packed(16, 0, 0, 0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{CodeClass, GrpcCode, Method, ResponseFlags, TenantId};
    use crate::metric::Metric;
    use crate::registry::DropReason;
    use crate::slo::Window;
    use std::collections::HashSet;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// Every variant with every value of what has few, and the edges of what has many.
    fn all() -> HashSet<Series> {
        let endpoints = [0, 1, u16::MAX - 1, u16::MAX].map(EndpointId);
        let tenants = [0, 1, 1 << 16, 1 << 24].map(|n| TenantId::numbered(n).unwrap());
        let tenants = tenants.into_iter().chain([TenantId::NONE, TenantId::OTHER]);
        let limits = [Limit::MaxSeries, Limit::Tenant, Limit::Custom(CustomId(0), 0)].into_iter();
        let limits =
            limits.chain([(0, 1), (1, 0), (u16::MAX, 4)].map(|(id, n)| Limit::Custom(CustomId(id), n)));
        let mut all = HashSet::from([Series::BuildInfo, Series::LastPublish, Series::LabelSets]);
        for limit in limits {
            all.extend([Series::Overflow(limit), Series::LabelValues(limit), Series::LabelValuesMax(limit)]);
        }
        all.extend([DropReason::Hostcall, DropReason::MalformedHeader].map(Series::Dropped));
        for endpoint in endpoints {
            all.extend((0..=16).map(|n| Series::GrpcRequests(endpoint, GrpcCode::from_number(n))));
            all.extend(
                (0..63)
                    .filter_map(|bit| ResponseFlags(1 << bit).failure())
                    .map(|reason| Series::Failures(endpoint, reason)),
            );
            all.extend(Metric::ALL.map(|metric| Series::PerEndpoint(metric, endpoint)));
            for method in Method::ALL {
                let codes = [0, 1, 6, 200, 999, u16::MAX].map(|code| StatusLabel::Code(Status(code)));
                let statuses = codes.into_iter().chain(CodeClass::ALL.map(StatusLabel::Class));
                all.extend(statuses.map(|status| Series::Requests(method, endpoint, status)));
                all.extend(Metric::ALL.map(|metric| Series::PerMethod(metric, method, endpoint)));
            }
        }
        for tenant in tenants {
            all.extend(CodeClass::ALL.map(|class| Series::TenantRequests(tenant, class)));
            all.extend(Metric::ALL.map(|metric| Series::PerTenant(metric, tenant)));
        }
        for slo in [0, 1, 2, 1 << 16] {
            all.extend(Metric::ALL.map(|metric| Series::Slo(metric, slo)));
            for window in Window::ALL {
                all.extend(Metric::ALL.map(|metric| Series::SloWindow(metric, slo, window)));
            }
        }
        all
    }

    #[test]
    fn no_two_series_are_the_same_word() {
        let all = all();
        let words: HashSet<PackedSeries> = all.iter().map(|series| series.pack().unwrap()).collect();
        assert_eq!(words.len(), all.len());
    }
}
