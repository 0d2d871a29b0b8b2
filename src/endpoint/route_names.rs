//! Envoy's route names in, endpoints out, for `endpoints.source: route_name`.

use super::{EndpointId, MAX_ENDPOINTS};
use crate::config::Limits;
use crate::stat_name;
use rustc_hash::FxHashMap;

/// Route names that have been seen; a full table sends the rest to `_other`.
///
/// They come from the control plane, which `redline check` has not seen: they are escaped like a client's value.
#[derive(Debug, Default)]
pub struct RouteNames {
    max_label_bytes: usize,
    max: usize,
    ids: FxHashMap<Box<str>, EndpointId>,
    names: Vec<Box<str>>,
    escaped: String,
}

impl RouteNames {
    /// An empty table.
    pub fn new(limits: Limits) -> Self {
        let max = usize::try_from(limits.max_series).unwrap_or(MAX_ENDPOINTS).min(MAX_ENDPOINTS);
        Self { max_label_bytes: limits.max_label_bytes, max, ..Self::default() }
    }

    /// The endpoint of a route.
    pub fn id(&mut self, name: &[u8]) -> EndpointId {
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

    /// The label of an endpoint that [`Self::id`] gave.
    pub fn label(&self, id: EndpointId) -> &str {
        self.names.get(usize::from(id.0)).map_or(stat_name::OTHER, |name| name)
    }
}
