//! A client's tenant value in, the label `tenant` out.

use crate::attributes::HostStatus;
use crate::config::Tenant;
use crate::exchange::TenantId;
use crate::label_values::{Admission, LabelValues};
use crate::shared::{Keys, Machine, SharedData};
use crate::stat_name;

/// Whose request it is, as far as that is known before its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The label's value is decided.
    Tenant(TenantId),
    /// A successful answer may give it a value of its own; the value, escaped.
    Candidate(Box<str>),
    /// The table is full: `_other`, by a limit.
    PastLimit,
}

/// The tenants that have a label value of their own, at most `tenant.max`.
#[derive(Debug)]
pub struct Tenants {
    allow: Vec<Vec<u8>>,
    values: LabelValues,
}

impl Tenants {
    /// An empty table.
    pub fn new(config: &Tenant, max_label_bytes: usize, keys: &Keys) -> Self {
        // Sorted by inserting: the library's sort would be 3 KB of module, for a list that is read once.
        let mut allow: Vec<Vec<u8>> = Vec::with_capacity(config.allow.len());
        for name in &config.allow {
            if let Err(place) = allow.binary_search_by(|known| known.as_slice().cmp(name.as_bytes())) {
                allow.insert(place, name.clone().into_bytes());
            }
        }
        Self { allow, values: LabelValues::new(keys, "tenant", config.max, max_label_bytes) }
    }

    /// Makes what the VMs share.
    pub fn prepare(&mut self, host: &mut (impl SharedData + Machine)) -> Result<(), HostStatus> {
        self.values.prepare(host)
    }

    /// Whose request it is, by the value that came with it.
    pub fn claim(&mut self, value: &[u8], host: &mut impl SharedData) -> Result<Claim, HostStatus> {
        let listed = !self.allow.is_empty();
        if listed && self.allow.binary_search_by(|name| name.as_slice().cmp(value)).is_err() {
            return Ok(Claim::Tenant(TenantId::OTHER));
        }
        Ok(self.values.admit(value, listed, host)?.into())
    }

    /// What becomes of a candidate whose request was answered with success.
    pub fn answered(
        &mut self,
        candidate: Box<str>,
        host: &mut (impl SharedData + Machine),
    ) -> Result<Claim, HostStatus> {
        Ok(self.values.answered(candidate, host)?.into())
    }

    /// The label's value.
    pub fn name(&self, id: TenantId) -> &str {
        match id {
            TenantId::NONE => stat_name::NONE,
            TenantId(number) => self.values.get(number).unwrap_or(stat_name::OTHER),
        }
    }

    /// Learns of the tenants that other VMs have admitted.
    pub fn refresh(&mut self, host: &mut impl SharedData) {
        self.values.refresh(host);
    }

    /// How many tenants there are, as far as this VM knows, and the most.
    pub fn occupancy(&self) -> (u32, u32) {
        self.values.occupancy()
    }
}

impl From<Admission> for Claim {
    fn from(admission: Admission) -> Self {
        match admission {
            Admission::As(number) => Self::Tenant(TenantId(number)),
            Admission::Never => Self::Tenant(TenantId::OTHER),
            Admission::Candidate(name) => Self::Candidate(name),
            Admission::Full => Self::PastLimit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory_host::MemoryHost;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn with_a_list_its_tenants_are_admitted_at_once_and_nobody_else_is() {
        let host = &mut MemoryHost::default();
        let allow = ["globex", "acme"].map(str::to_owned).to_vec();
        let config = Tenant { sources: Vec::new(), allow, max: 2, isolation: None };
        let mut tenants = Tenants::new(&config, 8, &Keys::new("shop"));
        tenants.prepare(host).unwrap();
        assert_eq!(tenants.claim(b"initech", host), Ok(Claim::Tenant(TenantId::OTHER)));
        for name in ["acme", "globex"] {
            let Ok(Claim::Tenant(id)) = tenants.claim(name.as_bytes(), host) else { panic!("{name}") };
            assert_eq!(tenants.name(id), name);
        }
        assert_eq!(tenants.occupancy(), (2, 2));
        assert_eq!(tenants.name(TenantId::NONE), "_none");
        assert_eq!(tenants.name(TenantId::OTHER), "_other");
    }
}
