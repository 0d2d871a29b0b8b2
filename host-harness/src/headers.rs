//! Header names and values in; the map as the ABI hands it to a filter, encoded once.
//!
//! The encoding is proxy-wasm's: `u32` count, for each pair two `u32` lengths, then each name and value followed by
//! a zero byte; little-endian.

/// An ordered header map, kept in its encoded form. Names are as given: Envoy shows them in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderMap {
    encoded: Vec<u8>,
    count: u32,
}

const TABLE: usize = 4;
const ROW: usize = 8;

impl Default for HeaderMap {
    fn default() -> Self {
        Self::new(std::iter::empty())
    }
}

impl HeaderMap {
    /// Encodes pairs in their order; a name may repeat.
    pub fn new<'a>(pairs: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone) -> Self {
        let (count, length) = pairs
            .clone()
            .fold((0usize, TABLE), |(n, len), (k, v)| (n + 1, len + ROW + k.len() + v.len() + 2));
        let mut encoded = Vec::with_capacity(length);
        encoded.extend_from_slice(&(count as u32).to_le_bytes());
        for (name, value) in pairs.clone() {
            encoded.extend_from_slice(&(name.len() as u32).to_le_bytes());
            encoded.extend_from_slice(&(value.len() as u32).to_le_bytes());
        }
        for (name, value) in pairs {
            encoded.extend_from_slice(name);
            encoded.push(0);
            encoded.extend_from_slice(value);
            encoded.push(0);
        }
        Self { encoded, count: count as u32 }
    }

    /// Reads the encoding; `None` where it is not whole, has anything after it, or more than Envoy's 1024 pairs.
    pub fn decode(encoded: &[u8]) -> Option<Self> {
        if encoded.is_empty() {
            return Some(Self::default());
        }
        let count = u32_at(encoded, 0)?;
        let map = Self { encoded: encoded.to_vec(), count };
        let rows = usize::try_from(count).ok().filter(|count| *count <= 1024)?;
        let sizes = (0..rows).try_fold(TABLE + rows * ROW, |end, row| {
            let (name, value) = map.lengths(row)?;
            end.checked_add(name)?.checked_add(value)?.checked_add(2)
        });
        (sizes == Some(encoded.len())).then_some(map)
    }

    /// The pairs, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
        let rows = self.count as usize;
        let mut at = TABLE + rows * ROW;
        (0..rows).map_while(move |row| {
            let (name, value) = self.lengths(row)?;
            let pair =
                (self.encoded.get(at..at + name)?, self.encoded.get(at + name + 1..at + name + 1 + value)?);
            at += name + value + 2;
            Some(pair)
        })
    }

    /// The first value of a name; names compare without regard to ASCII case.
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Every value of a name, joined with commas, as Envoy's properties show it.
    pub fn joined(&self, name: &[u8]) -> Option<Vec<u8>> {
        let mut values =
            self.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        let mut joined = values.next()?.to_vec();
        for value in values {
            joined.push(b',');
            joined.extend_from_slice(value);
        }
        Some(joined)
    }

    /// Adds a pair at the end, in lower case.
    pub fn add(&mut self, name: &[u8], value: &[u8]) {
        let name = name.to_ascii_lowercase();
        *self = Self::new(self.iter().chain(std::iter::once((name.as_slice(), value))));
    }

    /// Removes every pair of a name.
    pub fn remove(&mut self, name: &[u8]) {
        *self = Self::new(self.iter().filter(|(key, _)| !key.eq_ignore_ascii_case(name)));
    }

    /// How many pairs there are.
    pub fn len(&self) -> u32 {
        self.count
    }

    /// Whether there is no pair.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Envoy's byte size of the map: the sum of the lengths of names and values.
    pub fn byte_size(&self) -> u64 {
        (self.encoded.len() - TABLE) as u64 - u64::from(self.count) * (ROW as u64 + 2)
    }

    /// The encoding.
    pub fn encoded(&self) -> &[u8] {
        &self.encoded
    }

    fn lengths(&self, row: usize) -> Option<(usize, usize)> {
        let at = TABLE + row * ROW;
        Some((u32_at(&self.encoded, at)? as usize, u32_at(&self.encoded, at + 4)? as usize))
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> HeaderMap {
        HeaderMap::new(pairs.iter().map(|(k, v)| (k.as_bytes(), v.as_bytes())))
    }

    #[test]
    fn a_map_is_encoded_as_the_abi_says_and_comes_back() {
        let headers = map(&[(":path", "/a"), ("x", ""), ("x", "2")]);
        assert_eq!(
            headers.encoded(),
            b"\x03\0\0\0\x05\0\0\0\x02\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0:path\0/a\0x\0\0x\x002\0"
        );
        assert_eq!(HeaderMap::decode(headers.encoded()), Some(headers.clone()));
        assert_eq!(headers.byte_size(), 10);
        assert_eq!(headers.iter().count(), 3);
    }

    #[test]
    fn the_first_value_of_a_name_is_found_and_all_are_joined() {
        let headers = map(&[("x", "1"), ("y", "-"), ("x", "2")]);
        assert_eq!(headers.get(b"X"), Some(&b"1"[..]));
        assert_eq!(headers.joined(b"x"), Some(b"1,2".to_vec()));
        assert_eq!(headers.joined(b"X"), Some(b"1,2".to_vec()));
        assert_eq!((headers.get(b"z"), headers.joined(b"z")), (None, None));
    }

    #[test]
    fn pairs_are_added_and_removed() {
        let mut headers = map(&[("x", "1"), ("x", "2")]);
        headers.add(b"Y", b"3");
        headers.remove(b"X");
        assert_eq!(headers, map(&[("y", "3")]));
        headers.remove(b"y");
        assert_eq!(headers, HeaderMap::default());
    }

    #[test]
    fn a_damaged_encoding_is_refused() {
        let whole = map(&[("x", "1")]).encoded().to_vec();
        for length in 1..whole.len() {
            assert_eq!(HeaderMap::decode(&whole[..length]), None, "{length}");
        }
        assert_eq!(HeaderMap::decode(&[whole.as_slice(), b"x"].concat()), None);
        assert_eq!(HeaderMap::decode(&[0xff; 64]), None);
        assert_eq!(HeaderMap::decode(b""), Some(HeaderMap::default()));
    }
}
