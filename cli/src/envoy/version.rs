//! What an Envoy says of its build in; its version out.

use std::fmt;

/// An Envoy's version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// 1.
    pub major: u32,
    /// The release.
    pub minor: u32,
    /// Its mends.
    pub patch: u32,
}

impl Version {
    /// The oldest that Redline supports.
    pub const OLDEST: Self = Self { major: 1, minor: 36, patch: 0 };

    /// The newest release that Redline is tested with, with every mend of it.
    pub const NEWEST: Self = Self { major: 1, minor: 40, patch: u32::MAX };

    /// Reads how Envoy names its build, here and in `/server_info`: `COMMIT/1.40.0/Clean/RELEASE/BoringSSL`.
    pub fn in_build(build: &str) -> Option<Self> {
        build.trim().split('/').find_map(|part| {
            // Builds off a release's branch say 1.41.0-dev.
            let mut numbers = part.split('-').next()?.split('.').map(|n| n.parse::<u32>().ok());
            let version = Self { major: numbers.next()??, minor: numbers.next()??, patch: numbers.next()?? };
            numbers.next().is_none().then_some(version)
        })
    }

    /// Reads what `envoy --version` prints: `envoy  version: COMMIT/1.40.0/Clean/RELEASE/BoringSSL`.
    pub(super) fn parse(said: &str) -> Option<Self> {
        let (_, build) = said.split_once("version:")?;
        Self::in_build(build)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_envoy_says() {
        let said = "\n/x/envoy  version: 9e5580933739775e8bce696a57a2e1bc99368f23/1.40.0/Clean/RELEASE/BoringSSL\n\n";
        assert_eq!(Version::parse(said).unwrap().to_string(), "1.40.0");
        let dev = Version::parse("envoy  version: abc/1.41.2-dev/Modified/DEBUG/BoringSSL").unwrap();
        assert!(dev > Version::OLDEST);
        assert_eq!(Version::parse("Laravel Envoy 2.9.0"), None);
    }
}
