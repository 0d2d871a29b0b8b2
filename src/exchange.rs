//! The facts of one HTTP exchange, as plain data, and the alphabets of its labels.

mod flags;

pub use flags::{FLAGS, FailureReason, ResponseFlags};

use crate::endpoint::EndpointId;

/// What is known about one exchange when it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exchange {
    /// Label `method`.
    pub method: Method,
    /// Label `endpoint`.
    pub endpoint: EndpointId,
    /// Label `tenant`.
    pub tenant: TenantId,
    /// The tenant that the caller claimed to be, where it asked for the resource of another.
    pub violates: Option<TenantId>,
    /// Label `status`.
    pub status: Status,
    /// Why Envoy failed it or what cut it off, where something did.
    pub flags: ResponseFlags,
    /// How the gRPC call ended, where it was one.
    pub grpc: Option<GrpcCode>,
    /// From the first byte of the request to the last of the response, in nanoseconds, where it is known.
    pub duration_ns: Option<u64>,
    /// Request body bytes that passed, where they are known.
    pub request_bytes: Option<u64>,
    /// Response body bytes that passed, where they are known.
    pub response_bytes: Option<u64>,
    /// What Envoy said in its response headers.
    pub upstream: UpstreamFacts,
}

/// A tenant: a number in the table of [`crate::tenant::Tenants`], or one of the reserved values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TenantId(pub(crate) u32);

impl TenantId {
    /// No tenant was named: `_none`.
    pub const NONE: Self = Self(u32::MAX);
    /// A tenant past the limit, or not on the list: `_other`.
    pub const OTHER: Self = Self(u32::MAX - 1);

    /// The tenant of a number in that table; the same in every VM.
    pub fn numbered(number: u32) -> Option<Self> {
        Some(Self(number)).filter(|id| *id != Self::NONE && *id != Self::OTHER)
    }

    /// Its number; the reserved values have the highest.
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// What Envoy's router says of the upstream in response headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UpstreamFacts {
    /// `x-envoy-upstream-service-time`: from the last byte sent to the first byte received, in milliseconds.
    pub service_time_ms: Option<u64>,
    /// `x-envoy-attempt-count`: how often the request was sent, the first time included.
    pub attempts: Option<u64>,
}

impl Exchange {
    /// Whether the exchange became a tunnel (an upgrade, or CONNECT), whose duration says nothing about latency.
    pub fn is_tunnel(&self) -> bool {
        let Status(status) = self.status;
        status == 101 || (self.method == Method::Connect && (200..300).contains(&status))
    }

    /// Whether somebody was served: 2xx or 3xx, a tunnel, or a gRPC call that succeeded. A refused call is a 200 too.
    pub fn is_success(&self) -> bool {
        let answered = matches!(self.status.class(), CodeClass::Success | CodeClass::Redirection);
        (answered || self.is_tunnel()) && self.grpc.is_none_or(|code| code == GrpcCode::OK)
    }

    /// Whether the upstream cut the response off after its headers, by breaking off or by taking too long.
    ///
    /// Where it did so before them, Envoy answers by itself: with a 5xx, or with 408 where the stream's time was up.
    /// The end of a tunnel has such a flag too, whoever closed it.
    pub fn was_cut_off(&self) -> bool {
        let Status(status) = self.status;
        let own_answer = status == 0 || status >= 500 || (status == 408 && self.flags.upstream_time_is_up());
        self.flags.upstream_broke_off() && !own_answer && !self.is_tunnel()
    }
}

macro_rules! methods {
    ($($variant:ident = $text:literal),*) => {
        /// A method that the label `method` can have: RFC 9110's, PATCH (RFC 5789) and QUERY.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Method {
            $(#[doc = $text] $variant,)*
            /// Any other, or none: `_OTHER`.
            Other,
        }

        impl Method {
            /// Every value of the label.
            pub const ALL: [Self; [$($text),*].len() + 1] = [$(Self::$variant,)* Self::Other];

            /// Reads a method; methods are case-sensitive (RFC 9110 9.1).
            pub fn from_bytes(bytes: &[u8]) -> Self {
                $(if bytes == $text.as_bytes() { return Self::$variant; })*
                Self::Other
            }

            /// The label's value.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Other => crate::stat_name::OTHER_METHOD,
                }
            }
        }
    };
}

methods! {
    Get = "GET", Head = "HEAD", Post = "POST", Put = "PUT", Delete = "DELETE", Connect = "CONNECT",
    Options = "OPTIONS", Trace = "TRACE", Patch = "PATCH", Query = "QUERY"
}

/// The status code that was sent, 0 when no response was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Status(pub u16);

impl Status {
    /// Its class.
    pub const fn class(self) -> CodeClass {
        match self.0 {
            100..=199 => CodeClass::Informational,
            200..=299 => CodeClass::Success,
            300..=399 => CodeClass::Redirection,
            400..=499 => CodeClass::ClientError,
            500..=599 => CodeClass::ServerError,
            0 => CodeClass::None,
            _ => CodeClass::Other,
        }
    }
}

/// Label `code_class`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CodeClass {
    /// No response was sent.
    None,
    /// `1xx`: 101, an upgrade.
    Informational,
    /// `2xx`.
    Success,
    /// `3xx`.
    Redirection,
    /// `4xx`.
    ClientError,
    /// `5xx`.
    ServerError,
    /// A code outside RFC 9110's classes.
    Other,
}

impl CodeClass {
    /// Every value of the label.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::Informational,
        Self::Success,
        Self::Redirection,
        Self::ClientError,
        Self::ServerError,
        Self::Other,
    ];

    /// The label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Informational => "1xx",
            Self::Success => "2xx",
            Self::Redirection => "3xx",
            Self::ClientError => "4xx",
            Self::ServerError => "5xx",
            Self::Other => crate::stat_name::OTHER,
        }
    }
}

/// A gRPC status code, 0 to 16: label `grpc_code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GrpcCode(u8);

impl GrpcCode {
    /// It succeeded.
    pub const OK: Self = Self(0);
    /// The client gave up.
    pub const CANCELLED: Self = Self(1);
    /// A code that gRPC does not know; clients read every such code so.
    pub const UNKNOWN: Self = Self(2);
    /// No answer.
    pub const UNAVAILABLE: Self = Self(14);

    /// The code of this number.
    pub fn from_number(number: u64) -> Self {
        match u8::try_from(number) {
            Ok(code @ 0..=16) => Self(code),
            _ => Self::UNKNOWN,
        }
    }

    /// The code in a `grpc-status` header.
    pub fn from_header(value: &[u8]) -> Self {
        decimal(value).map_or(Self::UNKNOWN, Self::from_number)
    }

    /// The code, 0 to 16.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The label's value.
    pub fn as_str(self) -> &'static str {
        const CODES: [&str; 17] =
            ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16"];
        CODES.get(usize::from(self.0)).copied().unwrap_or("2")
    }
}

/// A decimal whole number in a header's value.
pub fn decimal(value: &[u8]) -> Option<u64> {
    if value.is_empty() || value.len() > 19 || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// A status code or a class of them, as configurations name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusMatch {
    /// One code.
    Code(u16),
    /// All codes that begin with this digit, 1 to 5.
    Class(u8),
}

impl StatusMatch {
    /// Whether it admits a status.
    pub const fn matches(self, Status(status): Status) -> bool {
        match self {
            Self::Code(code) => code == status,
            Self::Class(class) => status / 100 == class as u16,
        }
    }

    /// Reads `404` or `5xx`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.as_bytes() {
            [class @ b'1'..=b'5', b'x', b'x'] => Some(Self::Class(class.saturating_sub(b'0'))),
            [b'1'..=b'5', _, _] => text.parse().ok().map(Self::Code),
            _ => None,
        }
    }
}
