//! A client's value in, a bounded label value out; the bound holds for all VMs of one Envoy together.
//!
//! While less than half of the places are taken, a value is admitted at first sight. After that it must have been
//! answered with success three times within ten minutes: whoever scans with made-up values fills no table before the
//! real ones come. A full table takes no more.

use crate::attributes::HostStatus;
use crate::candidates::Candidates;
use crate::roster::{Number, Roster};
use crate::shared::{Keys, Machine, SharedData};
use crate::stat_name;

/// Successful answers after which a value is admitted to a table that is more than half full.
const ANSWERS: u32 = 3;

/// Whether a value became a label value of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// It did, or had before.
    As(Number),
    /// It would read as a reserved word, or nothing is left of it.
    Never,
    /// Not yet: a successful answer may admit it, see [`LabelValues::answered`]. The value, escaped.
    Candidate(Box<str>),
    /// The table is full.
    Full,
}

/// The values of one label.
#[derive(Debug)]
pub struct LabelValues {
    max_label_bytes: usize,
    roster: Roster<Box<str>>,
    candidates: Candidates,
    /// The candidates' table is made elsewhere: other labels use it too.
    shares_candidates: bool,
    escaped: String,
}

impl LabelValues {
    /// An empty table for at most `max` values.
    pub fn new(keys: &Keys, label: &str, max: u32, max_label_bytes: usize) -> Self {
        Self {
            max_label_bytes,
            roster: Roster::new(keys, label, max),
            candidates: Candidates::new(keys, label, ""),
            shares_candidates: false,
            escaped: String::new(),
        }
    }

    /// An empty table whose candidates stand beside those of other labels in `table`, which is prepared elsewhere.
    pub fn beside(keys: &Keys, label: &str, table: &str, max: u32, max_label_bytes: usize) -> Self {
        let candidates = Candidates::new(keys, table, label);
        Self { candidates, shares_candidates: true, ..Self::new(keys, label, max, max_label_bytes) }
    }

    /// Makes what the VMs share.
    pub fn prepare(&mut self, host: &mut (impl SharedData + Machine)) -> Result<(), HostStatus> {
        self.roster.prepare(host)?;
        if self.shares_candidates { Ok(()) } else { self.candidates.prepare(host) }
    }

    /// The label value of a client's value. `trusted` says that it comes from the configuration, and need not wait.
    pub fn admit(
        &mut self,
        value: &[u8],
        trusted: bool,
        host: &mut impl SharedData,
    ) -> Result<Admission, HostStatus> {
        if !stat_name::escape_into(value, self.max_label_bytes, &mut self.escaped) {
            return Ok(Admission::Never);
        }
        if let Some(number) = self.roster.find(self.escaped.as_str()) {
            return Ok(Admission::As(number));
        }
        if self.roster.is_full() {
            return Ok(Admission::Full);
        }
        self.roster.refresh(host);
        if let Some(number) = self.roster.find(self.escaped.as_str()) {
            return Ok(Admission::As(number));
        }
        let name: Box<str> = self.escaped.as_str().into();
        let half_full = self.roster.len().saturating_mul(2) >= self.roster.max();
        if half_full && !trusted && !self.roster.is_full() {
            return Ok(Admission::Candidate(name));
        }
        self.take(name, host)
    }

    /// What becomes of a candidate whose request was answered with success.
    #[inline(never)]
    pub fn answered(
        &mut self,
        name: Box<str>,
        host: &mut (impl SharedData + Machine),
    ) -> Result<Admission, HostStatus> {
        if let Some(number) = self.roster.find(&*name) {
            return Ok(Admission::As(number));
        }
        if self.roster.is_full() {
            return Ok(Admission::Full);
        }
        if self.candidates.count(&name, host)? < ANSWERS {
            return Ok(Admission::Candidate(name));
        }
        self.take(name, host)
    }

    fn take(&mut self, name: Box<str>, host: &mut impl SharedData) -> Result<Admission, HostStatus> {
        Ok(self.roster.admit(name, host)?.map_or(Admission::Full, Admission::As))
    }

    /// A value that was admitted.
    pub fn get(&self, number: Number) -> Option<&str> {
        self.roster.get(number).map(|name| &**name)
    }

    /// Learns of what other VMs have admitted.
    pub fn refresh(&mut self, host: &mut impl SharedData) {
        self.roster.refresh(host);
    }

    /// How many values all VMs have admitted, as far as this one knows, and the most.
    pub fn occupancy(&self) -> (u32, u32) {
        (self.roster.len(), self.roster.max())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory_host::MemoryHost;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn values(max: u32, host: &mut MemoryHost) -> LabelValues {
        let mut values = LabelValues::new(&Keys::new("shop"), "tenant", max, 8);
        values.prepare(host).unwrap();
        values
    }

    fn admit(values: &mut LabelValues, value: &str, host: &mut MemoryHost) -> Admission {
        values.admit(value.as_bytes(), false, host).unwrap()
    }

    #[test]
    fn past_the_half_a_value_waits_for_its_third_success_whichever_vm_sees_it() {
        let host = &mut MemoryHost::default();
        let (mut one, mut other) = (values(4, host), values(4, host));
        assert_eq!(admit(&mut one, "a", host), Admission::As(0));
        assert_eq!(admit(&mut other, "b", host), Admission::As(1));
        for vm in [&mut one, &mut other] {
            let Admission::Candidate(name) = admit(vm, "c", host) else { panic!("half full") };
            assert_eq!(vm.answered(name.clone(), host), Ok(Admission::Candidate(name)));
        }
        assert_eq!(one.answered("c".into(), host), Ok(Admission::As(2)));
        assert_eq!(admit(&mut other, "c", host), Admission::As(2));
        assert_eq!(other.answered("c".into(), host), Ok(Admission::As(2)));
        assert_eq!(one.admit(b"listed", true, host), Ok(Admission::As(3)), "trusted values need not wait");
        assert_eq!(admit(&mut other, "d", host), Admission::Full);
        assert_eq!(other.answered("d".into(), host), Ok(Admission::Full));
        assert_eq!(one.occupancy(), (4, 4));
    }

    #[test]
    fn the_limit_works_on_the_escaped_and_cut_value() {
        let host = &mut MemoryHost::default();
        let mut values = values(1, host);
        assert_eq!(admit(&mut values, "a.b", host), Admission::As(0));
        assert_eq!(admit(&mut values, "a b", host), Admission::As(0));
        assert_eq!(values.get(0), Some("a_b"));
        assert_eq!(admit(&mut values, "longer-than-8", host), Admission::Full);
    }

    #[test]
    fn reserved_words_and_nothing_are_never_admitted() {
        let host = &mut MemoryHost::default();
        let mut values = values(5, host);
        for word in ["", "_other", "_none", "_OTHER", ".other"] {
            assert_eq!(admit(&mut values, word, host), Admission::Never, "{word}");
        }
    }
}
