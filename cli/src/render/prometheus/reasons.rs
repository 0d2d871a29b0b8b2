//! Envoy's reasons for failures in; those that are the upstream's, and those that are the client's, out.

use crate::render::promql;

/// Envoy asked the upstream and got nothing, or no whole answer; or there was none to ask.
const UPSTREAM: [&str; 12] = [
    "no_healthy_upstream",
    "upstream_request_timeout",
    "local_reset",
    "upstream_remote_reset",
    "upstream_connection_failure",
    "upstream_connection_termination",
    "upstream_overflow",
    "upstream_retry_limit_exceeded",
    "upstream_max_stream_duration_reached",
    "upstream_protocol_error",
    "no_cluster_found",
    "dns_resolution_failed",
];

/// The client did not wait for the end.
const CLIENT_LEFT: [&str; 2] = ["downstream_connection_termination", "downstream_remote_reset"];

/// The matcher of failures that are the upstream's.
pub(super) fn of_upstream() -> String {
    promql::one_of("reason", &UPSTREAM).unwrap_or_default()
}

/// The matcher of requests whose clients left.
pub(super) fn of_clients_that_left() -> String {
    promql::one_of("reason", &CLIENT_LEFT).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use redline::exchange::FLAGS;

    #[test]
    fn each_of_envoys_reasons_is_the_upstreams_or_it_is_known_why_not() {
        let others = [
            ("failed_local_health_check", "Envoy's own answer to a health check"),
            ("no_route_found", "a path that nobody serves"),
            ("delay_injected", "on purpose"),
            ("fault_injected", "on purpose"),
            ("rate_limited", "refused by a limit"),
            ("unauthorized_external_service", "refused by the authorization service"),
            ("rate_limit_service_error", "the rate limit service; RateLimitServiceErrors says so"),
            ("stream_idle_timeout", "a client that sends nothing more, as often as an upstream"),
            ("invalid_envoy_request_headers", "the client's"),
            ("downstream_protocol_error", "the client's"),
            ("response_from_cache_filter", "an answer"),
            ("no_filter_config_found", "Envoy's configuration"),
            ("duration_timeout", "a limit on the client's stream"),
            ("overload_manager_terminated", "Envoy's own overload"),
            ("drop_overload", "on purpose: the control plane drops a share"),
            ("unconditional_drop_overload", "on purpose: the control plane drops all"),
        ];
        for (_, reason) in FLAGS {
            let places = [
                UPSTREAM.contains(&reason),
                CLIENT_LEFT.contains(&reason),
                others.iter().any(|(other, _)| *other == reason),
            ];
            assert_eq!(places.iter().filter(|there| **there).count(), 1, "{reason}");
        }
        assert_eq!(UPSTREAM.len() + CLIENT_LEFT.len() + others.len(), FLAGS.len());
    }
}
