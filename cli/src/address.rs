//! `HOST:PORT` as a user writes it, of an upstream with its protocol in front, in; host, port and protocol out.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// A host (name or IP address, without brackets) and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    /// A name or an IP address.
    pub host: String,
    /// The port; 0 lets the system choose where it is listened on.
    pub port: u16,
}

/// Where requests go, and what is spoken there: `HOST:PORT`, or `h2c://HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// A name is looked up in DNS.
    pub address: HostPort,
    /// HTTP/2 from the first byte, without TLS, as gRPC servers want it; else HTTP/1.1.
    pub http2: bool,
}

/// What is written where a `HOST:PORT` should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No colon before a port.
    #[error("expected HOST:PORT, such as 127.0.0.1:8080")]
    NoPort,
    /// The port is not a number from 0 to 65535.
    #[error("{0:?} is no port")]
    Port(String),
    /// The host is empty, or has a character that no host has.
    #[error("{0:?} is no host")]
    Host(String),
    /// More than a place.
    #[error("{0:?}: a path has no place here: requests keep theirs")]
    Path(String),
    /// An upstream behind a protocol that is not spoken to it.
    #[error(
        "{0}:// is not spoken to an upstream: expected HOST:PORT for HTTP/1.1, or h2c://HOST:PORT for HTTP/2 and gRPC"
    )]
    Protocol(String),
}

impl HostPort {
    /// This machine alone, at a port that the system chooses.
    pub fn loopback() -> Self {
        Self { host: "127.0.0.1".to_owned(), port: 0 }
    }

    /// The IP address, where the host is one.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// Reads `PORT`, or an address; `host` is for the first.
    pub fn parse_with_host(text: &str, host: &str) -> Result<Self, AddressError> {
        if text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty() {
            return Ok(Self { host: host.to_owned(), port: port(text)? });
        }
        let address: Self = text.parse()?;
        match address.ip() {
            Some(_) => Ok(address),
            None => Err(AddressError::Host(address.host)),
        }
    }
}

impl From<SocketAddr> for HostPort {
    fn from(address: SocketAddr) -> Self {
        Self { host: address.ip().to_string(), port: address.port() }
    }
}

impl FromStr for HostPort {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (host, port_text) = text.rsplit_once(':').ok_or(AddressError::NoPort)?;
        let bracketed = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let name =
            |h: &str| !h.is_empty() && h.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        let valid = match bracketed {
            Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
            None => name(host),
        };
        if !valid {
            return Err(AddressError::Host(host.to_owned()));
        }
        Ok(Self { host: bracketed.unwrap_or(host).to_owned(), port: port(port_text)? })
    }
}

impl From<HostPort> for Upstream {
    fn from(address: HostPort) -> Self {
        Self { address, http2: false }
    }
}

impl From<SocketAddr> for Upstream {
    fn from(address: SocketAddr) -> Self {
        HostPort::from(address).into()
    }
}

impl FromStr for Upstream {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (protocol, address) = text.split_once("://").unwrap_or(("http", text));
        let http2 = match protocol.to_ascii_lowercase().as_str() {
            "http" => false,
            "h2c" => true,
            _ => return Err(AddressError::Protocol(protocol.to_owned())),
        };
        match address.strip_suffix('/').unwrap_or(address) {
            path if path.contains('/') => Err(AddressError::Path(path.to_owned())),
            address => match address.parse()? {
                HostPort { port: 0, .. } => Err(AddressError::Port("0".to_owned())),
                address => Ok(Self { address, http2 }),
            },
        }
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.http2 { "h2c://" } else { "" }, self.address)
    }
}

fn port(text: &str) -> Result<u16, AddressError> {
    // `parse` alone would take `+80`.
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or_else(|| AddressError::Port(text.to_owned()))
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_both_kinds_of_ip_addresses_are_read_and_written_alike() {
        for text in ["shop.internal:80", "127.0.0.1:0", "[::1]:8080", "my_service-1:65535"] {
            let address: HostPort = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "80",
            "host",
            "host:",
            "host:x",
            "host:+1",
            "host:65536",
            "::1:80",
            "a b:1",
            "http://a:1",
            ":80",
        ] {
            assert!(text.parse::<HostPort>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_upstreams_protocol_stands_in_front_of_its_address() {
        for (text, http2, written) in [
            ("localhost:8080", false, "localhost:8080"),
            ("http://localhost:8080/", false, "localhost:8080"),
            ("h2c://[::1]:50051", true, "h2c://[::1]:50051"),
            ("H2C://shop:1", true, "h2c://shop:1"),
        ] {
            let upstream: Upstream = text.parse().unwrap();
            assert_eq!((upstream.http2, upstream.to_string().as_str()), (http2, written), "{text}");
        }
        for (text, said) in [
            ("https://localhost:8080", "https:// is not spoken to an upstream"),
            ("grpc://localhost:50051", "h2c://HOST:PORT for HTTP/2 and gRPC"),
            ("http://localhost", "expected HOST:PORT"),
            ("shop:0", "\"0\" is no port"),
            ("http://localhost:8080/shop", "a path has no place here"),
        ] {
            let error = text.parse::<Upstream>().unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn a_port_alone_gets_the_default_host_and_a_name_cannot_be_listened_on() {
        let read = |text| HostPort::parse_with_host(text, "0.0.0.0");
        assert_eq!(read("8080").unwrap().to_string(), "0.0.0.0:8080");
        assert_eq!(read("[::]:8080").unwrap().to_string(), "[::]:8080");
        assert!(read("example.com:80").is_err());
        assert!(read("").is_err());
    }
}
