//! Endpoint, method and tenant of a request in, the SLOs or custom metrics that ask for all three out: bit sets.

use crate::config::Where;
use crate::endpoint::{EndpointId, RouteNames, Template};
use crate::exchange::Method;
use crate::stat_name;
use rustc_hash::FxHashMap;

/// A tenant as `where` sees it: one that some SLO names, or none of them. A small number, kept with the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TenantGroup(u16);

impl TenantGroup {
    /// A tenant that no SLO names.
    pub const UNNAMED: Self = Self(0);
    /// No tenant: what an SLO names `_none`.
    pub const ABSENT: Self = Self(1);
}

/// The `where` of every SLO. A request costs three look-ups and an AND for each 64 SLOs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Matcher {
    endpoints: Rows,
    /// The row of each endpoint that some SLO names, by its number; 0 for others. Ends with the last named one.
    endpoint_rows: Vec<u16>,
    methods: Rows,
    tenants: Rows,
    tenant_groups: FxHashMap<Box<[u8]>, TenantGroup>,
}

/// Row 0 of [`Matcher::endpoints`] is for endpoints that no SLO names, row 1 for `_other`.
const OTHER_ENDPOINT: u16 = 1;

impl Matcher {
    /// For endpoints that are templates, in the order of the configuration.
    pub(crate) fn for_templates<'a>(
        filters: impl ExactSizeIterator<Item = &'a Where>,
        templates: &[Template],
    ) -> Self {
        Self::new(filters, &mut |label| {
            let index = templates.iter().position(|template| template.as_str() == label);
            index.and_then(|index| u16::try_from(index).ok()).map_or(EndpointId::OTHER, EndpointId)
        })
    }

    /// For endpoints that are route names: those that a filter names take the first places of the table.
    pub(crate) fn for_route_names<'a>(
        filters: impl ExactSizeIterator<Item = &'a Where>,
        routes: &mut RouteNames,
    ) -> Self {
        Self::new(filters, &mut |label| routes.id(label.as_bytes()))
    }

    fn new<'a>(
        filters: impl ExactSizeIterator<Item = &'a Where>,
        endpoint: &mut dyn FnMut(&str) -> EndpointId,
    ) -> Self {
        let words = filters.len().div_ceil(64);
        let mut matcher = Self {
            endpoints: Rows::new(words, 2),
            methods: Rows::new(words, Method::ALL.len()),
            tenants: Rows::new(words, 2),
            ..Self::default()
        };
        for (slo, filter) in filters.enumerate() {
            let rows: Vec<u16> = filter.endpoint.iter().map(|n| matcher.name_endpoint(endpoint(n))).collect();
            matcher.endpoints.admit(slo, &rows);
            let rows: Vec<u16> = filter.method.iter().map(|method| *method as u16).collect();
            matcher.methods.admit(slo, &rows);
            let rows: Vec<u16> = filter.tenant.iter().map(|name| matcher.name_tenant(name)).collect();
            matcher.tenants.admit(slo, &rows);
        }
        matcher
    }

    pub(crate) fn tenant(&self, raw: Option<&[u8]>) -> TenantGroup {
        match raw {
            None => TenantGroup::ABSENT,
            Some(_) if self.tenant_groups.is_empty() => TenantGroup::UNNAMED,
            Some(raw) => self.tenant_groups.get(raw).copied().unwrap_or(TenantGroup::UNNAMED),
        }
    }

    #[inline]
    pub(crate) fn matching(
        &self,
        endpoint: EndpointId,
        method: Method,
        tenant: TenantGroup,
        mut each: impl FnMut(usize),
    ) {
        let endpoint = match endpoint {
            EndpointId::OTHER => OTHER_ENDPOINT,
            EndpointId(id) => self.endpoint_rows.get(usize::from(id)).copied().unwrap_or(0),
        };
        let rows = self.endpoints.row(endpoint).iter().zip(self.methods.row(method as u16));
        let mut first: usize = 0;
        for ((endpoint, method), tenant) in rows.zip(self.tenants.row(tenant.0)) {
            let mut bits = endpoint & method & tenant;
            while bits != 0 {
                // The lowest bit that is set, and the word without it.
                each(first.saturating_add(usize::try_from(bits.trailing_zeros()).unwrap_or(0)));
                bits &= bits.wrapping_sub(1);
            }
            first = first.saturating_add(64);
        }
    }

    fn name_endpoint(&mut self, id: EndpointId) -> u16 {
        if id == EndpointId::OTHER {
            return OTHER_ENDPOINT;
        }
        let place = usize::from(id.0);
        if self.endpoint_rows.len() <= place {
            self.endpoint_rows.resize(place.saturating_add(1), 0);
        }
        match self.endpoint_rows.get_mut(place) {
            Some(row) => {
                if *row == 0 {
                    *row = self.endpoints.push();
                }
                *row
            }
            None => 0,
        }
    }

    fn name_tenant(&mut self, name: &str) -> u16 {
        if name == stat_name::NONE {
            return TenantGroup::ABSENT.0;
        }
        let tenants = &mut self.tenants;
        self.tenant_groups.entry(name.as_bytes().into()).or_insert_with(|| TenantGroup(tenants.push())).0
    }
}

/// Rows of one bit per SLO. Row 0 is what holds for values that nobody names: a new row begins as its copy.
#[derive(Debug, Clone, Default)]
struct Rows {
    words: usize,
    bits: Vec<u64>,
}

impl Rows {
    fn new(words: usize, rows: usize) -> Self {
        Self { words, bits: vec![0; words.saturating_mul(rows)] }
    }

    #[inline]
    fn row(&self, row: u16) -> &[u64] {
        let begin = usize::from(row).saturating_mul(self.words);
        self.bits.get(begin..begin.saturating_add(self.words)).unwrap_or_default()
    }

    fn push(&mut self) -> u16 {
        let row = self.bits.len().checked_div(self.words).unwrap_or(0);
        self.bits.extend_from_within(..self.words.min(self.bits.len()));
        u16::try_from(row).unwrap_or(0)
    }

    /// Sets an SLO's bit in these rows, or in all of them where none is named.
    fn admit(&mut self, slo: usize, rows: &[u16]) {
        let (word, bit) = (slo / 64, u32::try_from(slo % 64).unwrap_or(0));
        let mask = 1_u64.checked_shl(bit).unwrap_or(0);
        for (number, row) in self.bits.chunks_mut(self.words.max(1)).enumerate() {
            if rows.is_empty() || rows.iter().any(|row| usize::from(*row) == number) {
                row.get_mut(word).into_iter().for_each(|word| *word |= mask);
            }
        }
    }
}
