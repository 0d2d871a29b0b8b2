//! The short names of Envoy's response flags in, their bits out, and back.

use std::fmt;

/// Envoy's response flags, as the bits of the property `response.flags`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ResponseFlags(u64);

/// Short names in the order of their bits.
const FLAGS: [&str; 30] = [
    "LH", "UH", "UT", "LR", "UR", "UF", "UC", "UO", "NR", "DI", "FI", "RL", "UAEX", "RLSE", "DC", "URX",
    "SI", "IH", "DPE", "UMSDR", "RFCF", "NFCF", "DT", "UPE", "NC", "OM", "DF", "DO", "DR", "UDO",
];

impl ResponseFlags {
    /// Envoy's rate limit refused the request.
    pub const RATE_LIMITED: Self = Self(1 << 11);
    /// The client closed the connection.
    pub const DOWNSTREAM_DISCONNECT: Self = Self(1 << 14);
    /// The client closed the connection, or reset the stream.
    pub const RESET: Self = Self(1 << 14 | 1 << 28);

    /// Reads short names with commas between them; the empty text and `-` are no flag. The error is the unknown name.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut bits = 0;
        for name in text.split(',').map(str::trim).filter(|name| !matches!(*name, "" | "-")) {
            let bit = FLAGS.iter().position(|flag| *flag == name).ok_or_else(|| name.to_owned())?;
            bits |= 1 << bit;
        }
        Ok(Self(bits))
    }

    /// The property's value.
    pub fn bits(self) -> u64 {
        self.0
    }

    /// Whether there is no flag.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether any flag of the other is set.
    pub fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl fmt::Display for ResponseFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = FLAGS.iter().enumerate().filter(|(bit, _)| self.0 >> bit & 1 == 1).map(|(_, name)| *name);
        f.write_str(&names.collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read_by_their_short_names() {
        assert_eq!(ResponseFlags::parse("DC").map(ResponseFlags::bits), Ok(16384));
        assert_eq!(
            ResponseFlags::parse("UF,URX").map(|f| (f.bits(), f.to_string())),
            Ok((32800, "UF,URX".to_owned()))
        );
        assert_eq!(ResponseFlags::parse("UDO").map(ResponseFlags::bits), Ok(1 << 29));
        assert_eq!(ResponseFlags::parse("-"), Ok(ResponseFlags::default()));
        assert_eq!(ResponseFlags::parse("DC,XX"), Err("XX".to_owned()));
    }
}
