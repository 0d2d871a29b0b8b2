//! Entries that any VM of one Envoy admitted: a list in shared data that only grows, and this VM's copy of it.
//!
//! The list is cut into pages. Whoever appends swaps the last page, so that all VMs have the same entries in the same
//! order, and no more than the most. A full list is looked up on ticks only: it may be full for this configuration, and
//! not for the next.

use crate::attributes::HostStatus;
use crate::shared::{self, Cas, Keys, Machine, SharedData};
use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher};

/// What a list holds.
pub trait Entry: Clone + Eq + Hash {
    /// How many stand on one page, which is copied for each look-up.
    const PER_PAGE: u32;
    /// Appends the entry's bytes.
    fn write(&self, page: &mut Vec<u8>);
    /// Takes an entry off the front.
    fn take(page: &mut &[u8]) -> Option<Self>;
}

impl Entry for u64 {
    const PER_PAGE: u32 = 128;

    fn write(&self, page: &mut Vec<u8>) {
        page.extend_from_slice(&self.to_le_bytes());
    }

    fn take(page: &mut &[u8]) -> Option<Self> {
        shared::take_u64(page)
    }
}

impl Entry for Box<str> {
    const PER_PAGE: u32 = 16;

    fn write(&self, page: &mut Vec<u8>) {
        page.extend_from_slice(&u32::try_from(self.len()).unwrap_or(u32::MAX).to_le_bytes());
        page.extend_from_slice(self.as_bytes());
    }

    fn take(page: &mut &[u8]) -> Option<Self> {
        let length = usize::try_from(shared::take_u32(page)?).ok()?;
        let (text, rest) = page.split_at_checked(length)?;
        *page = rest;
        Some(std::str::from_utf8(text).ok()?.into())
    }
}

/// A text as an entry of eight bytes: the same in every VM.
pub fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(text.as_bytes());
    hasher.finish()
}

/// Hashes with a key: entries are what clients make up, and they must not know which of them collide.
///
/// Not the standard library's own random keys: where the host has no dice, making those traps.
#[derive(Debug, Clone, Copy, Default)]
struct Keyed(u64);

impl BuildHasher for Keyed {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.0);
        hasher
    }
}

/// An entry's place in the list, the same in every VM.
pub type Number = u32;

/// One list.
#[derive(Debug)]
pub struct Roster<T> {
    keys: Keys,
    name: String,
    max: u32,
    numbers: HashMap<T, Number, Keyed>,
    entries: Vec<T>,
    /// The page that is being filled, and how many of its entries have been copied.
    page: u32,
    copied: u32,
    /// Shared data failed: from then on the list is this VM's own.
    alone: bool,
}

impl<T: Entry> Roster<T> {
    /// A list of at most `max` entries, of which nothing is known yet.
    pub fn new(keys: &Keys, name: &str, max: u32) -> Self {
        Self {
            keys: keys.clone(),
            name: ["roster/", name].concat(),
            max,
            numbers: HashMap::default(),
            entries: Vec::new(),
            page: 0,
            copied: 0,
            alone: false,
        }
    }

    /// Makes the pages, which are swapped later, and takes a key for hashing.
    #[inline(never)]
    pub fn prepare(&mut self, host: &mut (impl SharedData + Machine)) -> Result<(), HostStatus> {
        let numbers = std::mem::take(&mut self.numbers);
        self.numbers = HashMap::with_hasher(Keyed(host.random()));
        self.numbers.extend(numbers);
        // The last page is full when the list is; nobody looks behind it.
        for page in 0..self.max.div_ceil(T::PER_PAGE) {
            shared::create(host, &self.page_key(page), &[])?;
        }
        Ok(())
    }

    /// The most entries that may be appended here. What an earlier configuration allowed stays.
    pub fn max(&self) -> u32 {
        self.max
    }

    /// How many entries this VM knows.
    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
    }

    /// Whether no more entries are taken.
    pub fn is_full(&self) -> bool {
        self.len() >= self.max
    }

    /// An entry by its number.
    pub fn get(&self, number: Number) -> Option<&T> {
        self.entries.get(usize::try_from(number).ok()?)
    }

    /// The number of an entry that this VM knows.
    pub fn find<Q>(&self, entry: &Q) -> Option<Number>
    where
        T: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.numbers.get(entry).copied()
    }

    /// Copies what other VMs appended; past the most, too, where another configuration has more room.
    #[inline(never)]
    pub fn refresh(&mut self, host: &mut impl SharedData) {
        if !self.alone {
            self.alone = self.last_page(host).is_err();
        }
    }

    /// Appends an entry, unless another VM has; `Ok(None)` where the list is full.
    ///
    /// Where shared data fails altogether, the entry is admitted in this VM only; the error is that others kept
    /// appending, and the entry may come in another time.
    #[inline(never)]
    pub fn admit(&mut self, entry: T, host: &mut impl SharedData) -> Result<Option<Number>, HostStatus> {
        for _ in 0..shared::MOST_TRIES {
            if let Some(number) = self.numbers.get(&entry) {
                return Ok(Some(*number));
            }
            if self.is_full() {
                return Ok(None);
            }
            if self.alone {
                return Ok(Some(self.copy(entry)));
            }
            let last_page = self.last_page(host);
            // What others appended may have been this entry, or have filled the list.
            if self.is_full() || self.numbers.contains_key(&entry) {
                continue;
            }
            let Ok(Some((key, mut page, cas))) = last_page else {
                self.alone = true;
                continue;
            };
            entry.write(&mut page);
            match host.swap(&key, &page, cas) {
                Ok(()) => {
                    self.copied = self.copied.saturating_add(1);
                    return Ok(Some(self.copy(entry)));
                }
                Err(HostStatus::CAS_MISMATCH) => {}
                Err(_) => self.alone = true,
            }
        }
        Err(HostStatus::CAS_MISMATCH)
    }

    /// Copies what is new; the page that is being filled with its key, `None` where all are full.
    #[expect(clippy::type_complexity, reason = "used once, and taken apart at once")]
    #[inline(never)]
    fn last_page(
        &mut self,
        host: &mut impl SharedData,
    ) -> Result<Option<(Vec<u8>, Vec<u8>, Cas)>, HostStatus> {
        loop {
            let key = self.page_key(self.page);
            let (page, cas) = match host.read(&key) {
                Err(status) if status.is_absent() && self.page > 0 => return Ok(None),
                read => read?,
            };
            let mut rest = page.as_slice();
            let mut at = 0_u32;
            while let Some(entry) = T::take(&mut rest) {
                at = at.saturating_add(1);
                if at > self.copied {
                    self.copied = at;
                    self.copy(entry);
                }
            }
            if at < T::PER_PAGE {
                return Ok(Some((key, page, cas)));
            }
            self.page = self.page.saturating_add(1);
            self.copied = 0;
        }
    }

    fn copy(&mut self, entry: T) -> Number {
        let number = self.len();
        self.entries.push(entry.clone());
        self.numbers.insert(entry, number);
        number
    }

    fn page_key(&self, page: u32) -> Vec<u8> {
        self.keys.nth(&self.name, &[page])
    }
}

#[cfg(test)]
mod tests;
