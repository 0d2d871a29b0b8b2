//! Successful answers of values that are not admitted yet in, how many each has had lately out.
//!
//! A table of fixed size in shared data, so that a value's answers count whichever worker gives them. Where a page is
//! full, the value with fewest answers makes room: one that comes back is kept before one that came once.

use crate::attributes::HostStatus;
use crate::shared::{self, Keys, Machine, SharedData, take_u32};
use std::hash::{DefaultHasher, Hash, Hasher};

const PAGES: u32 = 64;
/// A power of two less one: the low bits of a hash say the page, the high ones tell values apart.
const LAST_PAGE: u64 = 63;
const PER_PAGE: usize = 16;
/// Answers that are further apart are not counted together.
const WINDOW_SECONDS: u32 = 600;

/// The candidates for one label.
#[derive(Debug)]
pub struct Candidates {
    keys: Keys,
    name: String,
    /// Tells apart the labels that share a table.
    label: Box<str>,
}

#[derive(Debug, Clone, Copy)]
struct Cell {
    fingerprint: u32,
    /// When the first of them came, in seconds on the monotonic clock.
    since: u32,
    answers: u32,
}

impl Cell {
    fn take(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self { fingerprint: take_u32(bytes)?, since: take_u32(bytes)?, answers: take_u32(bytes)? })
    }
}

impl Candidates {
    /// The candidates for a label, in the table of this name.
    pub fn new(keys: &Keys, table: &str, label: &str) -> Self {
        Self { keys: keys.clone(), name: ["candidates/", table].concat(), label: label.into() }
    }

    /// Makes the pages, which are swapped later.
    pub fn prepare(&self, host: &mut impl SharedData) -> Result<(), HostStatus> {
        (0..PAGES).try_for_each(|page| shared::create(host, &self.key(page), &[]))
    }

    /// Counts a successful answer; how many the value has had within the window.
    pub fn count(&self, value: &str, host: &mut (impl SharedData + Machine)) -> Result<u32, HostStatus> {
        let now = u32::try_from(host.monotonic_ns() / 1_000_000_000).unwrap_or(u32::MAX);
        let mut hasher = DefaultHasher::new();
        (&*self.label, value).hash(&mut hasher);
        let hash = hasher.finish();
        let fingerprint = u32::try_from(hash >> 32).unwrap_or(0);
        let page = u32::try_from(hash & LAST_PAGE).unwrap_or(0);
        let mut answers = 0;
        shared::update(host, &self.key(page), |mut bytes| {
            let mut cells = Vec::with_capacity(PER_PAGE);
            while let Some(cell) = Cell::take(&mut bytes) {
                if now.saturating_sub(cell.since) < WINDOW_SECONDS && cells.len() < PER_PAGE {
                    cells.push(cell);
                }
            }
            answers = match cells.iter_mut().find(|cell| cell.fingerprint == fingerprint) {
                Some(cell) => {
                    cell.answers = cell.answers.saturating_add(1);
                    cell.answers
                }
                None => {
                    if cells.len() == PER_PAGE
                        && let Some(least) = (0..cells.len())
                            .min_by_key(|at| cells.get(*at).map(|cell| (cell.answers, cell.since)))
                    {
                        cells.swap_remove(least);
                    }
                    cells.push(Cell { fingerprint, since: now, answers: 1 });
                    1
                }
            };
            let numbers = cells.iter().flat_map(|cell| [cell.fingerprint, cell.since, cell.answers]);
            Some(numbers.flat_map(u32::to_le_bytes).collect())
        })?;
        Ok(answers)
    }

    fn key(&self, page: u32) -> Vec<u8> {
        self.keys.nth(&self.name, &[page])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory_host::MemoryHost;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn candidates(host: &mut MemoryHost) -> Candidates {
        let candidates = Candidates::new(&Keys::new("shop"), "tenant", "");
        candidates.prepare(host).unwrap();
        candidates
    }

    #[test]
    fn answers_of_all_vms_count_together_within_ten_minutes() {
        let host = &mut MemoryHost::default();
        let (one, other) = (candidates(host), candidates(host));
        assert_eq!(one.count("acme", host), Ok(1));
        assert_eq!(other.count("acme", host), Ok(2));
        assert_eq!(other.count("globex", host), Ok(1));
        host.now_ns = 599_000_000_000;
        assert_eq!(one.count("acme", host), Ok(3));
        host.now_ns = 601_000_000_000;
        assert_eq!(one.count("acme", host), Ok(1), "too late");
    }

    #[test]
    fn a_flood_takes_no_more_memory_and_does_not_push_out_who_came_back() {
        let host = &mut MemoryHost::default();
        let candidates = candidates(host);
        assert_eq!(candidates.count("acme", host), Ok(1));
        assert_eq!(candidates.count("acme", host), Ok(2));
        for n in 0..100_000 {
            assert!(candidates.count(&format!("scanner-{n}"), host).unwrap() < 3);
        }
        assert_eq!(candidates.count("acme", host), Ok(3));
        let most = (0..PAGES).map(|page| host.read(&candidates.key(page)).unwrap().0.len()).max();
        assert_eq!(most, Some(PER_PAGE * 12));
    }
}
