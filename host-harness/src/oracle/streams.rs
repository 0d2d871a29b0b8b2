//! What the oracle remembers of a stream from its beginning to its end, and what it counts then.

use super::facts;
use crate::traffic::Record;

/// The labels of a stream.
#[derive(Debug, Clone)]
pub(super) struct Open {
    pub(super) method: &'static str,
    pub(super) endpoint: String,
    pub(super) tenant: String,
    /// Whether it may get a name when it is answered; until then it is one of the others.
    pub(super) candidate: bool,
    /// Who the caller claimed to be, where it asked for another's resource, and whether that one may yet get a name.
    pub(super) violates: Option<(String, bool)>,
    /// What the client called its tenant.
    pub(super) raw_tenant: Option<Vec<u8>>,
    /// Whether its gauge went up: its request was seen.
    pub(super) seen: bool,
}

/// A stream that is over.
pub(super) struct Counted<'e> {
    pub(super) record: &'e Record,
    pub(super) open: &'e Open,
    /// Whether it was answered with success.
    pub(super) served: bool,
    pub(super) now_s: u64,
}

impl Open {
    /// Whether a tenant's request was answered with success.
    pub(super) fn is_served(&self, record: &Record) -> bool {
        let status = record.status.unwrap_or(0);
        let call_failed = self.seen && facts::is_grpc(record) && facts::grpc_code(record) != "0";
        ((200..400).contains(&status) || facts::is_tunnel(self.method, status)) && !call_failed
    }
}
