//! A record in, the SLOs that it is an event of and whether it was a bad one out: the contract's sentences, in order.

use super::facts;
use crate::stream::ResponseFlags;
use crate::traffic::Record;
use redline::config::{Sli, Slo};
use redline::exchange::StatusMatch;

/// What the oracle knows of a stream beside its record.
pub(super) struct Subject<'a> {
    pub(super) method: &'a str,
    pub(super) endpoint: &'a str,
    /// As the client wrote it.
    pub(super) tenant: Option<&'a [u8]>,
    pub(super) grpc_code: Option<&'a str>,
}

/// Flags of an upstream that broke off, or took longer than Envoy waits.
const CUT_OFF: [&str; 7] = ["UT", "LR", "UR", "UF", "UC", "UMSDR", "UPE"];

/// Whether the record is a bad event of an SLO; `None` where it is none of its events.
pub(super) fn judge(slo: &Slo, record: &Record, of: &Subject<'_>) -> Option<bool> {
    let filter = &slo.filter;
    let admits = |list: &[String], value: &str| list.is_empty() || list.iter().any(|entry| entry == value);
    let tenant = of.tenant.unwrap_or(facts::NONE.as_bytes());
    let counted = admits(&filter.endpoint, of.endpoint)
        && (filter.method.is_empty() || filter.method.iter().any(|method| method.as_str() == of.method))
        && (filter.tenant.is_empty() || filter.tenant.iter().any(|name| name.as_bytes() == tenant));
    if !counted {
        return None;
    }
    let default =
        Sli::Availability { bad_status: vec![StatusMatch::Class(5)], bad_grpc: vec![2, 4, 12, 13, 14, 15] };
    let (threshold, rules) = match &slo.sli {
        Sli::Latency { threshold } => (Some(threshold.as_nanos()), &default),
        availability => (None, availability),
    };
    let availability = available(rules, record, of);
    let Some(threshold) = threshold else { return availability.map(|good| !good) };
    let tunnel = facts::is_tunnel(of.method, record.status.unwrap_or(0)) || of.method == "CONNECT";
    let slow = record.duration_ns? > threshold;
    match availability {
        _ if tunnel => None,
        // A client that left: it may have waited long enough already.
        None => slow.then_some(true),
        // What is bad already is none of its events.
        Some(false) => None,
        Some(true) => Some(slow),
    }
}

/// Whether the record was answered well; `None` where its client left.
fn available(rules: &Sli, record: &Record, of: &Subject<'_>) -> Option<bool> {
    let Sli::Availability { bad_status, bad_grpc } = rules else { return None };
    let status = record.status.unwrap_or(0);
    let is_bad = |bad: &StatusMatch| match bad {
        StatusMatch::Code(code) => status == *code,
        StatusMatch::Class(class) => status / 100 == u16::from(*class),
    };
    if bad_status.iter().any(is_bad)
        || bad_grpc.iter().any(|bad| of.grpc_code == Some(bad.to_string().as_str()))
    {
        return Some(false);
    }
    let flags = record.flags.to_string();
    let has = |name: &str| flags.split(',').any(|flag| flag == name);
    let unsaid = status == 0 && record.flags == ResponseFlags::default();
    if has("DC") || has("DR") || unsaid {
        return None;
    }
    let own_answer = status == 408 && has("UMSDR");
    // The end of a tunnel has such a flag too, whoever closed it.
    let tunnel = facts::is_tunnel(of.method, status);
    let cut = status < 500 && !own_answer && !tunnel && CUT_OFF.iter().any(|name| has(name));
    Some(status != 0 && !cut)
}
