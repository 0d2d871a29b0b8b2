//! The section `slos`: what is promised, over which period, for which requests.

use super::error::ConfigErrors;
use super::reader::Node;
use super::requests::{Where, read_status, read_where};
use super::tenant::Tenant;
use super::traffic::Endpoints;
use super::units::{Duration, Objective};
use super::words::exactly_one;
use crate::exchange::StatusMatch;

/// What is bad for availability where nothing else is written: `5xx`, and these gRPC codes.
pub const DEFAULT_BAD_STATUS: StatusMatch = StatusMatch::Class(5);
/// UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS.
pub const DEFAULT_BAD_GRPC: [u8; 6] = [2, 4, 12, 13, 14, 15];

/// One service level objective.
#[derive(Debug, Clone, PartialEq)]
pub struct Slo {
    /// Label `slo`: `[a-z0-9_]{1,40}`, unique.
    pub name: String,
    /// The share of events that must be good.
    pub objective: Objective,
    /// Over how long, 7 to 90 days.
    pub period: Duration,
    /// What makes an event good.
    pub sli: Sli,
    /// Which requests count.
    pub filter: Where,
}

/// What makes an event good.
#[derive(Debug, Clone, PartialEq)]
pub enum Sli {
    /// It was answered, and not with one of these.
    Availability {
        /// Status codes and classes that are bad.
        bad_status: Vec<StatusMatch>,
        /// gRPC codes that are bad, 0 to 16.
        bad_grpc: Vec<u8>,
    },
    /// It was answered within the threshold.
    Latency {
        /// Slower than this is bad.
        threshold: Duration,
    },
}

#[inline(never)]
pub(super) fn read_all(
    node: Option<Node<'_>>,
    (endpoints, tenant): (&Endpoints, &Tenant),
    errors: &mut ConfigErrors,
) -> Vec<Slo> {
    let mut names: Vec<String> = Vec::new();
    node.map_or_else(Vec::new, |node| {
        node.list_of(errors, |node, errors| {
            let slo = read_one(node, (endpoints, tenant), errors)?;
            if names.contains(&slo.name) {
                return node.fail(errors, format!("a second SLO with the name {}", slo.name));
            }
            names.push(slo.name.clone());
            Some(slo)
        })
    })
}

#[inline(never)]
fn read_one(node: &Node<'_>, around: (&Endpoints, &Tenant), errors: &mut ConfigErrors) -> Option<Slo> {
    let mut fields = node.fields(errors)?;
    let name = fields.require("name", errors).and_then(|n| {
        n.text_where(errors, "1 to 40 of a-z, 0-9 and _", &|s| {
            (1..=40).contains(&s.len())
                && s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        })
    });
    let objective = fields.require("objective", errors).and_then(|n| match Objective::parse(n.value) {
        Some(objective) => Some(objective),
        None => n.fail(
            errors,
            "expected a percentage above 0 and below 100 with at most 4 decimals, such as 99.9",
        ),
    });
    let period = match fields.take("period") {
        None => Some(Duration::from_days(30)),
        Some(n) => n.duration(errors, Duration::from_days(7)..=Duration::from_days(90)),
    };
    let sli = fields.require("sli", errors).and_then(|n| read_sli(&n, errors));
    let filter = fields.take("where").map_or(Some(Where::default()), |n| read_where(&n, around, errors));
    fields.finish(errors);
    Some(Slo { name: name?, objective: objective?, period: period?, sli: sli?, filter: filter? })
}

#[inline(never)]
fn read_sli(node: &Node<'_>, errors: &mut ConfigErrors) -> Option<Sli> {
    let mut fields = node.fields(errors)?;
    let availability = fields.take("availability").map(|n| read_availability(&n, errors));
    let latency = fields.take("latency").map(|n| {
        let mut fields = n.fields(errors)?;
        let range = Duration::from_millis(1)..=Duration::from_secs(3600);
        let threshold = fields.require("threshold", errors).and_then(|n| n.duration(errors, range));
        fields.finish(errors);
        Some(Sli::Latency { threshold: threshold? })
    });
    fields.finish(errors);
    // A key with nothing after it is null, and as good as absent.
    exactly_one(node, [availability, latency], "availability, latency, such as {availability: {}}", errors)
}

#[inline(never)]
fn read_availability(node: &Node<'_>, errors: &mut ConfigErrors) -> Option<Sli> {
    let mut fields = node.fields(errors)?;
    let bad_status = match fields.take("bad_status") {
        None => vec![DEFAULT_BAD_STATUS],
        Some(n) => n.list_of(errors, read_status),
    };
    let bad_grpc = match fields.take("bad_grpc") {
        None => DEFAULT_BAD_GRPC.to_vec(),
        Some(n) => n.list_of(errors, |n, errors| u8::try_from(n.integer(errors, 0..=16)?).ok()),
    };
    fields.finish(errors);
    Some(Sli::Availability { bad_status, bad_grpc })
}
