//! A request's number in, what the demo's upstream says of itself in response headers out: pure, the same in every run.

use std::fmt::Write;

/// What one answer tells beside its body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signals {
    /// The entries of Server-Timing.
    pub timings: Vec<Timing>,
    /// The `named_metrics` of the load report.
    pub load: Vec<(&'static str, u64)>,
    /// Whether the cache answered, where it was asked.
    pub cache_hit: Option<bool>,
    /// Evictions since the last answer, where there were any.
    pub evictions: Option<u64>,
    /// Requests that the tenant's quota still allows.
    pub remaining: Option<u64>,
}

/// One entry of Server-Timing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Its name.
    pub name: &'static str,
    /// `dur`, in microseconds; printed as milliseconds with three decimals.
    pub micros: Option<u64>,
    /// `desc`.
    pub description: Option<&'static str>,
}

/// What the upstream says with its answer to the request with number `n`.
pub fn signals(n: u64, method: &str, path: &str, tenant: &str, status: u16, delay_ms: u64) -> Signals {
    let path = path.split('?').next().unwrap_or_default();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    if !matches!(segments.as_slice(), ["api", "v1", ..] | ["t", _, "experiments", _]) {
        return Signals::default();
    }
    let mut signals = Signals { load: load(n, tenant), ..Signals::default() };
    let timed = |name, micros, description| Timing { name, micros: Some(micros), description };
    // A share of the answer's time that differs from one answer to the next.
    let share = |parts: u64| (delay_ms.saturating_mul(1000) / parts).saturating_add(n % 997);
    let cached = |signals: &mut Signals, hit: bool| {
        signals.cache_hit = Some(hit);
        signals.timings.push(timed("cache", 100 + n % 2900, Some("get")));
        if !hit {
            signals.timings.push(timed("db", share(2), Some("select")));
            signals.timings.push(timed("cache", 150 + n % 1900, Some("set")));
        }
    };
    match (segments.as_slice(), method, status) {
        (_, _, 429) => signals.remaining = Some(0),
        (_, _, 503) => {
            let description = if n.is_multiple_of(2) { "timeout" } else { "refused" };
            signals.timings.push(Timing { name: "db-error", micros: None, description: Some(description) });
        }
        (["api", "v1", "models"] | ["api", "v1", "models", _], "GET", _) => {
            cached(&mut signals, !n.is_multiple_of(3));
        }
        (["api", "v1", "models", _, "predict"], _, _) => {
            cached(&mut signals, n.is_multiple_of(4));
            signals.timings.push(timed("queue", share(4), None));
            let outcome = if status == 200 { "done" } else { "failed" };
            signals.timings.push(Timing { name: "job", micros: None, description: Some(outcome) });
        }
        (["api", "v1", "models", _, "train"], _, _) => {
            // It was trained elsewhere, and took longer than this answer.
            signals.timings.push(timed("training", (n % 90_000).saturating_mul(1000), Some("done")));
        }
        (["api", "v1", "deployments"], "POST", _) => {
            let outcome = if n.is_multiple_of(5) { "failed" } else { "done" };
            signals.timings.push(timed("deployment", (n % 40_000).saturating_mul(1500), Some(outcome)));
        }
        (_, "POST", 201) => {
            signals.timings.push(timed("db", share(2), Some("insert")));
            signals.timings.push(timed("db", share(8), Some("select")));
        }
        (_, "DELETE", _) => {
            signals.timings.push(timed("db", share(2), Some("delete")));
            signals.evictions = Some(1 + n % 3);
        }
        _ => signals.timings.push(timed("db", share(2), Some("select"))),
    }
    if status != 429 {
        signals.remaining = Some(1000 - n % 1000);
    }
    signals
}

fn load(n: u64, tenant: &str) -> Vec<(&'static str, u64)> {
    let active = n % 20;
    let mut load = vec![
        ("models_total", 500 + n % 50),
        ("experiments_total", 80 + n % 9),
        ("db_connections_active", active),
        ("db_connections_idle", 20 - active),
        ("db_pool_size", 20),
        ("db_pool_overflow", (n % 40).saturating_sub(35)),
        ("cache_size_bytes", 64_000_000 + n % 1_000_000),
        ("queue_depth", n % 13),
    ];
    if !tenant.is_empty() {
        let bytes: u64 = tenant.bytes().map(u64::from).sum();
        load.push(("tenant_storage_bytes", bytes * 1_000_000 + n));
    }
    load
}

impl Signals {
    /// The response headers that say it.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = Vec::new();
        if !self.timings.is_empty() {
            let entries: Vec<String> = self.timings.iter().map(Timing::entry).collect();
            headers.push(("server-timing", entries.join(", ")));
        }
        if !self.load.is_empty() {
            let fields: Vec<String> =
                self.load.iter().map(|(key, value)| format!("named_metrics.{key}={value}")).collect();
            headers.push(("endpoint-load-metrics", format!("TEXT {}", fields.join(","))));
        }
        if let Some(hit) = self.cache_hit {
            headers.push(("cache-status", if hit { "app; hit" } else { "app; fwd=miss; stored" }.to_owned()));
        }
        if let Some(evictions) = self.evictions {
            headers.push(("x-cache-evictions", evictions.to_string()));
        }
        if let Some(remaining) = self.remaining {
            headers.push(("ratelimit", format!("\"default\";r={remaining};t=60")));
        }
        headers
    }
}

impl Timing {
    fn entry(&self) -> String {
        let mut entry = self.name.to_owned();
        if let Some(micros) = self.micros {
            // Writing to a String cannot fail.
            let _always_written = write!(entry, ";dur={}.{:03}", micros / 1000, micros % 1000);
        }
        if let Some(description) = self.description {
            entry.push_str(";desc=");
            entry.push_str(description);
        }
        entry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_say_what_the_signals_are() {
        let signals = signals(7, "DELETE", "/api/v1/models/7", "acme", 204, 10);
        let headers = signals.headers();
        let header = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, v)| v.as_str());
        assert_eq!(header("server-timing"), Some("db;dur=5.007;desc=delete"));
        assert_eq!(header("x-cache-evictions"), Some("2"));
        assert_eq!(header("ratelimit"), Some("\"default\";r=993;t=60"));
        assert!(
            header("endpoint-load-metrics")
                .is_some_and(|v| v.starts_with("TEXT named_metrics.models_total=507,"))
        );
        assert_eq!(header("cache-status"), None);
    }

    #[test]
    fn what_is_no_api_says_nothing() {
        assert_eq!(signals(1, "GET", "/favicon.ico", "acme", 404, 0).headers(), []);
    }
}
