//! Hashes in, a small summary of them out that can be merged, counted and sent.

use super::estimate;
use super::registers::Registers;

/// Most hashes that are kept as they are: less memory than registers, and exact.
const MOST_HASHES: usize = 512;

/// First byte of the encoding.
const AS_HASHES: u8 = 1;
const AS_REGISTERS: u8 = 2;

/// The hashes that were seen: themselves while there are at most 512, then HyperLogLog's registers.
///
/// What it holds follows from the set of hashes alone, not from their order or from who merged what. At most 2.5 KiB,
/// in memory and encoded. 32 bits of a hash are kept: of 100 users two share a hash once in 800,000 windows, of a
/// million about 120 do, far less than the registers' error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sketch(State);

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// Rising.
    Hashes(Vec<u32>),
    Registers(Registers),
}

impl Default for Sketch {
    fn default() -> Self {
        Self(State::Hashes(Vec::new()))
    }
}

impl Sketch {
    /// Takes a hash (see [`super::hash`]); whether the sketch is another one now.
    pub fn insert(&mut self, hash: u64) -> bool {
        // Half of SipHash's bits are as good as any other half.
        self.insert_kept((hash >> 32) as u32)
    }

    /// Takes all that `other` has seen; whether the sketch is another one now.
    pub fn merge(&mut self, other: &Self) -> bool {
        match &other.0 {
            State::Hashes(hashes) => {
                hashes.iter().fold(false, |changed, hash| self.insert_kept(*hash) | changed)
            }
            State::Registers(theirs) => match &mut self.0 {
                State::Registers(own) => own.merge(theirs),
                State::Hashes(hashes) => {
                    let mut registers = theirs.clone();
                    registers.insert_all(hashes);
                    self.0 = State::Registers(registers);
                    true
                }
            },
        }
    }

    /// How many different hashes were seen: exact up to 512, then within about 1.6 % (one standard deviation).
    pub fn estimate(&self) -> u64 {
        match &self.0 {
            State::Hashes(hashes) => u64::try_from(hashes.len()).unwrap_or(u64::MAX),
            State::Registers(registers) => estimate::cardinality(registers),
        }
    }

    /// Whether nothing was seen.
    pub fn is_empty(&self) -> bool {
        matches!(&self.0, State::Hashes(hashes) if hashes.is_empty())
    }

    /// The encoding: a byte that says which, then the hashes (u32, little endian, rising) or the registers.
    pub fn to_bytes(&self) -> Vec<u8> {
        match &self.0 {
            State::Hashes(hashes) => {
                std::iter::once(AS_HASHES).chain(hashes.iter().flat_map(|hash| hash.to_le_bytes())).collect()
            }
            State::Registers(registers) => [&[AS_REGISTERS], registers.as_bytes()].concat(),
        }
    }

    /// Reads [`Self::to_bytes`]; no bytes are an empty sketch, and `None` is what nobody can have encoded.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let Some((kind, rest)) = bytes.split_first() else {
            return Some(Self::default());
        };
        match *kind {
            AS_HASHES => {
                let (hashes, []) = rest.as_chunks::<4>() else { return None };
                let hashes: Vec<u32> = hashes
                    .iter()
                    .take(MOST_HASHES.saturating_add(1))
                    .map(|b| u32::from_le_bytes(*b))
                    .collect();
                let rising = hashes.is_sorted_by(|a, b| a < b);
                (rising && hashes.len() <= MOST_HASHES).then_some(Self(State::Hashes(hashes)))
            }
            AS_REGISTERS => Registers::from_bytes(rest).map(|registers| Self(State::Registers(registers))),
            _ => None,
        }
    }

    fn insert_kept(&mut self, hash: u32) -> bool {
        match &mut self.0 {
            State::Registers(registers) => registers.insert(hash),
            State::Hashes(hashes) => match hashes.binary_search(&hash) {
                Ok(_) => false,
                Err(place) if hashes.len() < MOST_HASHES => {
                    hashes.insert(place, hash);
                    true
                }
                Err(_) => {
                    let mut registers = Registers::new();
                    registers.insert_all(hashes);
                    registers.insert(hash);
                    self.0 = State::Registers(registers);
                    true
                }
            },
        }
    }
}
