//! What is kept of a stream between its callbacks: where it stands, and who asked for what.

use crate::endpoint::EndpointId;
use crate::exchange::{GrpcCode, Method, TenantId, UpstreamFacts};
use crate::in_progress::RowId;
use crate::rules::Messages;
use crate::slo::TenantGroup;
use crate::tenant::Claim;

/// Where a stream stands; kept by its owner between the callbacks.
#[derive(Debug, Default)]
pub enum Stream {
    /// Its request headers have not been seen.
    #[default]
    New,
    /// It has begun.
    Open(Box<Open>),
    /// It is counted nowhere.
    Excluded,
    /// It has been counted.
    Finished,
}

/// Who asked for the resource of another.
#[derive(Debug)]
pub(super) enum Violator {
    /// The tenant that is served.
    Served,
    /// Somebody whom only the claim names.
    Other(Claim),
}

/// What is known of a stream that has begun.
#[derive(Debug)]
pub struct Open {
    pub(super) method: Method,
    pub(super) endpoint: EndpointId,
    pub(super) tenant: Claim,
    /// Who the caller claimed to be, where it asked for the resource of another.
    pub(super) violates: Option<Violator>,
    /// The hash of the user who asks.
    pub(super) user: Option<u64>,
    /// The tenant as the SLOs see it.
    pub(super) group: TenantGroup,
    /// The gauge that was moved up and must come down, whatever else happens.
    pub(super) in_progress: Option<RowId>,
    /// The request had no body: its headers ended it.
    pub(super) bodyless: bool,
    pub(super) grpc: bool,
    /// What the response's headers or trailers said.
    pub(super) grpc_code: Option<GrpcCode>,
    pub(super) upstream: UpstreamFacts,
    /// What custom metrics will read.
    pub(super) messages: Messages,
}

impl Default for Open {
    fn default() -> Self {
        Self {
            method: Method::Other,
            endpoint: EndpointId::OTHER,
            tenant: Claim::Tenant(TenantId::NONE),
            violates: None,
            user: None,
            group: TenantGroup::ABSENT,
            in_progress: None,
            bodyless: false,
            grpc: false,
            grpc_code: None,
            upstream: UpstreamFacts::default(),
            messages: Messages::default(),
        }
    }
}

impl Open {
    /// Whose request it is; afterwards nobody's.
    pub(super) fn take_tenant(&mut self) -> Claim {
        std::mem::replace(&mut self.tenant, Claim::Tenant(TenantId::NONE))
    }
}
