//! gRPC's codes as Envoy writes them in; their numbers out.

/// gRPC's codes by their names, in the order of their numbers; Envoy writes them in snake or camel case.
const GRPC: [&str; 17] = [
    "ok",
    "canceled",
    "unknown",
    "invalidargument",
    "deadlineexceeded",
    "notfound",
    "alreadyexists",
    "permissiondenied",
    "resourceexhausted",
    "failedprecondition",
    "aborted",
    "outofrange",
    "unimplemented",
    "internal",
    "unavailable",
    "dataloss",
    "unauthenticated",
];

/// The number of a code that is a number or a name already.
pub(super) fn code(text: &str) -> Option<u64> {
    let name: String = text.chars().filter(|c| *c != '_').map(|c| c.to_ascii_lowercase()).collect();
    let name = if name == "cancelled" { "canceled" } else { &name };
    name.parse().ok().or_else(|| GRPC.iter().position(|known| *known == name).map(|at| at as u64))
}
