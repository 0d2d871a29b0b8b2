//! Hashes in, HyperLogLog's registers out: 4096 of 5 bits, packed.

/// Bits of a hash that choose its register: 4096 of them put the standard error at 1.04 / √4096 = 1.6 %.
const INDEX_BITS: u32 = 12;
/// How many registers there are.
pub(super) const COUNT: u32 = 1 << INDEX_BITS;
/// Bits of a hash that the register's value is read from.
pub(super) const VALUE_BITS: u32 = u32::BITS - INDEX_BITS;
/// 5 bits hold all values, which are at most [`VALUE_BITS`] + 1 = 21: eight registers take five bytes.
const WIDTH: u32 = 5;
/// Of all registers.
const BYTES: usize = (COUNT * WIDTH / 8) as usize;

/// All registers, 0 where nothing fell into them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Registers(Box<[u8]>);

impl Registers {
    pub(super) fn new() -> Self {
        Self(vec![0; BYTES].into())
    }

    /// As [`Self::as_bytes`] gave them; `None` where they are no registers.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let registers = Self((bytes.len() == BYTES).then_some(bytes)?.into());
        let known = registers.iter().all(|value| u32::from(value) <= VALUE_BITS + 1);
        known.then_some(registers)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Takes a hash; whether a register rose.
    pub(super) fn insert(&mut self, hash: u32) -> bool {
        // The lowest bit that is set: the low bits follow the ones that choose the register.
        let zeros = (hash >> INDEX_BITS).trailing_zeros().min(VALUE_BITS);
        let value = u8::try_from(zeros).unwrap_or(0).saturating_add(1);
        self.raise(hash & (COUNT - 1), value)
    }

    /// Takes hashes.
    pub(super) fn insert_all(&mut self, hashes: &[u32]) {
        for hash in hashes {
            self.insert(*hash);
        }
    }

    /// Takes all of `other`; whether a register rose.
    pub(super) fn merge(&mut self, other: &Self) -> bool {
        let mut rose = false;
        for (register, value) in (0..COUNT).zip(other.iter()) {
            rose |= self.raise(register, value);
        }
        rose
    }

    /// The registers' values, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = u8> {
        let (groups, _none) = self.0.as_chunks::<5>();
        groups.iter().flat_map(|[a, b, c, d, e]| {
            let bits = u64::from_le_bytes([*a, *b, *c, *d, *e, 0, 0, 0]);
            (0..8_u32).map(move |place| value_at(bits, place.wrapping_mul(WIDTH)))
        })
    }

    fn raise(&mut self, register: u32, value: u8) -> bool {
        let (group, shift) = (register / 8, (register % 8).wrapping_mul(WIDTH));
        let (groups, _none) = self.0.as_chunks_mut::<5>();
        let place = usize::try_from(group).ok().and_then(|group| groups.get_mut(group));
        let Some([a, b, c, d, e]) = place else { return false };
        let bits = u64::from_le_bytes([*a, *b, *c, *d, *e, 0, 0, 0]);
        let old = value_at(bits, shift);
        if value <= old {
            return false;
        }
        let raised = bits ^ u64::from(old ^ value).wrapping_shl(shift);
        [*a, *b, *c, *d, *e, ..] = raised.to_le_bytes();
        true
    }
}

/// One register of a group of eight.
fn value_at(group: u64, shift: u32) -> u8 {
    group.wrapping_shr(shift) as u8 & 0x1f
}
