//! A client's tenant value in, a bounded label value out.

use crate::config::Tenant;
use crate::stat_name;
use rustc_hash::FxHashMap;

/// A tenant: a number in [`Tenants`], or one of the reserved values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TenantId(u32);

impl TenantId {
    /// No tenant was named: `_none`.
    pub const NONE: Self = Self(u32::MAX);
    /// A tenant past the limit, or not on the list: `_other`.
    pub const OTHER: Self = Self(u32::MAX - 1);
}

/// Whether a value became a label of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It is counted under this label.
    As(TenantId),
    /// The table is full; it is counted under `_other`.
    Full,
}

/// The tenants that have a label of their own, at most `tenant.max`; first come, first served.
///
/// One table per worker: the limit holds in each until admission becomes process-wide.
#[derive(Debug, Default)]
pub struct Tenants {
    allow: Vec<Vec<u8>>,
    max: u32,
    max_label_bytes: usize,
    ids: FxHashMap<Box<str>, TenantId>,
    names: Vec<Box<str>>,
    escaped: String,
}

impl Tenants {
    /// An empty table.
    pub fn new(config: &Tenant, max_label_bytes: usize) -> Self {
        // Sorted by inserting: the library's sort would be 3 KB of module, for a list that is read once.
        let mut allow: Vec<Vec<u8>> = Vec::with_capacity(config.allow.len());
        for name in &config.allow {
            if let Err(place) = allow.binary_search_by(|known| known.as_slice().cmp(name.as_bytes())) {
                allow.insert(place, name.clone().into_bytes());
            }
        }
        Self { allow, max: config.max, max_label_bytes, ..Self::default() }
    }

    /// The label of a client's value.
    pub fn admit(&mut self, value: &[u8]) -> Admission {
        if !self.allow.is_empty() && self.allow.binary_search_by(|name| name.as_slice().cmp(value)).is_err() {
            return Admission::As(TenantId::OTHER);
        }
        if !stat_name::escape_into(value, self.max_label_bytes, &mut self.escaped) {
            return Admission::As(TenantId::OTHER);
        }
        if let Some(id) = self.ids.get(self.escaped.as_str()) {
            return Admission::As(*id);
        }
        let id = match u32::try_from(self.names.len()) {
            Ok(next) if next < self.max => TenantId(next),
            _ => return Admission::Full,
        };
        self.names.push(self.escaped.as_str().into());
        self.ids.insert(self.escaped.as_str().into(), id);
        Admission::As(id)
    }

    /// The label's value.
    pub fn name(&self, id: TenantId) -> &str {
        match id {
            TenantId::NONE => stat_name::NONE,
            TenantId(n) => {
                usize::try_from(n).ok().and_then(|n| self.names.get(n)).map_or(stat_name::OTHER, |name| name)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn tenants(max: u32, allow: &[&str]) -> Tenants {
        let allow = allow.iter().map(|s| (*s).to_owned()).collect();
        Tenants::new(&Tenant { sources: Vec::new(), allow, max, isolation: None }, 8)
    }

    #[test]
    fn values_past_the_limit_are_other_and_known_ones_stay() {
        let mut tenants = tenants(2, &[]);
        let Admission::As(acme) = tenants.admit(b"acme") else { panic!("a free table admits") };
        assert_ne!(tenants.admit(b"globex"), Admission::Full);
        assert_eq!(tenants.admit(b"initech"), Admission::Full);
        assert_eq!(tenants.admit(b"acme"), Admission::As(acme));
        assert_eq!(tenants.name(acme), "acme");
    }

    #[test]
    fn the_limit_works_on_the_escaped_and_cut_value() {
        let mut tenants = tenants(1, &[]);
        let Admission::As(first) = tenants.admit(b"a.b") else { panic!("a free table admits") };
        assert_eq!(tenants.admit(b"a b"), Admission::As(first));
        assert_eq!(tenants.name(first), "a_b");
        assert_eq!(tenants.admit(b"longer-than-8"), Admission::Full);
    }

    #[test]
    fn reserved_words_and_values_off_the_list_are_other() {
        let mut open = tenants(5, &[]);
        for word in ["_other", "_none", "_OTHER", ".other"] {
            assert_eq!(open.admit(word.as_bytes()), Admission::As(TenantId::OTHER), "{word}");
        }
        let mut listed = tenants(5, &["globex", "acme"]);
        assert_eq!(listed.admit(b"initech"), Admission::As(TenantId::OTHER));
        assert!(matches!(listed.admit(b"acme"), Admission::As(id) if listed.name(id) == "acme"));
    }
}
