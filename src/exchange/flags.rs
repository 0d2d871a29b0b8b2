//! Envoy's response flags in, the one reason why a request failed out.

/// Envoy's response flags as the property `response.flags` gives them: bit n is the n-th of [`FLAGS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ResponseFlags(pub u64);

/// Why Envoy failed a request, or what cut it off: label `reason` of `http_failures_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FailureReason(u8);

/// Short name and snake-case long name of each flag, in the order of their bits (Envoy's `CoreResponseFlag`).
pub const FLAGS: [(&str, &str); 30] = [
    ("LH", "failed_local_health_check"),
    ("UH", "no_healthy_upstream"),
    ("UT", "upstream_request_timeout"),
    ("LR", "local_reset"),
    ("UR", "upstream_remote_reset"),
    ("UF", "upstream_connection_failure"),
    ("UC", "upstream_connection_termination"),
    ("UO", "upstream_overflow"),
    ("NR", "no_route_found"),
    ("DI", "delay_injected"),
    ("FI", "fault_injected"),
    ("RL", "rate_limited"),
    ("UAEX", "unauthorized_external_service"),
    ("RLSE", "rate_limit_service_error"),
    ("DC", "downstream_connection_termination"),
    ("URX", "upstream_retry_limit_exceeded"),
    ("SI", "stream_idle_timeout"),
    ("IH", "invalid_envoy_request_headers"),
    ("DPE", "downstream_protocol_error"),
    ("UMSDR", "upstream_max_stream_duration_reached"),
    ("RFCF", "response_from_cache_filter"),
    ("NFCF", "no_filter_config_found"),
    ("DT", "duration_timeout"),
    ("UPE", "upstream_protocol_error"),
    ("NC", "no_cluster_found"),
    ("OM", "overload_manager_terminated"),
    ("DF", "dns_resolution_failed"),
    ("DO", "drop_overload"),
    ("DR", "downstream_remote_reset"),
    ("UDO", "unconditional_drop_overload"),
];

impl ResponseFlags {
    const RATE_LIMITED: u64 = 1 << 11;
    const DOWNSTREAM_CONNECTION_TERMINATION: u64 = 1 << 14;
    const RETRY_LIMIT_EXCEEDED: u64 = 1 << 15;
    const DOWNSTREAM_REMOTE_RESET: u64 = 1 << 28;
    /// UT, LR, UR, UF, UC, UMSDR, UPE: what ends a response that the upstream had begun. The retry limit is none of
    /// them: it is also set on an answer that was passed on whole.
    const BROKEN_OFF: u64 = (0b11111 << 2) | Self::UPSTREAM_MAX_DURATION | (1 << 23);
    const UPSTREAM_MAX_DURATION: u64 = 1 << 19;
    /// A delay that was injected and an answer from a cache are no failures. Bits past the table mean nothing to us.
    const FAILURES: u64 = ((1 << FLAGS.len()) - 1) & !(1 << 9) & !(1 << 20);

    /// Why the request failed, where it did. Of several flags the first counts; that retries were used up says
    /// least, so it counts only where nothing else is said.
    pub fn failure(self) -> Option<FailureReason> {
        let failures = self.0 & Self::FAILURES;
        let causes = failures & !Self::RETRY_LIMIT_EXCEEDED;
        let first = if causes == 0 { failures } else { causes };
        let bit = u8::try_from(first.trailing_zeros()).ok()?;
        (usize::from(bit) < FLAGS.len()).then_some(FailureReason(bit))
    }

    /// Whether Envoy's rate limit refused the request.
    pub const fn is_rate_limited(self) -> bool {
        self.0 & Self::RATE_LIMITED != 0
    }

    /// Whether the upstream broke off, or took longer than Envoy waits for it.
    pub const fn upstream_broke_off(self) -> bool {
        self.0 & Self::BROKEN_OFF != 0
    }

    /// Whether the upstream's stream lasted longer than it may.
    pub const fn upstream_time_is_up(self) -> bool {
        self.0 & Self::UPSTREAM_MAX_DURATION != 0
    }

    /// Whether the client ended the exchange, by its connection or its stream.
    pub const fn client_left(self) -> bool {
        self.0 & (Self::DOWNSTREAM_CONNECTION_TERMINATION | Self::DOWNSTREAM_REMOTE_RESET) != 0
    }
}

impl FailureReason {
    /// The number of its bit in [`ResponseFlags`].
    pub const fn bit(self) -> u8 {
        self.0
    }

    /// The label's value.
    pub fn as_str(self) -> &'static str {
        FLAGS.get(usize::from(self.0)).map_or(crate::stat_name::OTHER, |(_, long)| long)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn flags(short: &str) -> ResponseFlags {
        let bit = |name| FLAGS.iter().position(|(known, _)| *known == name).unwrap();
        ResponseFlags(short.split(',').filter(|s| !s.is_empty()).map(|s| 1 << bit(s)).sum())
    }

    #[test]
    fn a_request_fails_for_one_reason() {
        for (short, reason) in [
            ("", None),
            ("UH", Some("no_healthy_upstream")),
            ("UT", Some("upstream_request_timeout")),
            ("DC", Some("downstream_connection_termination")),
            ("UF,URX", Some("upstream_connection_failure")),
            ("URX,UPE", Some("upstream_protocol_error")),
            ("URX", Some("upstream_retry_limit_exceeded")),
            ("DI", None),
            ("RFCF", None),
            ("DI,FI", Some("fault_injected")),
            ("UDO", Some("unconditional_drop_overload")),
        ] {
            assert_eq!(flags(short).failure().map(FailureReason::as_str), reason, "{short}");
        }
    }

    #[test]
    fn bits_that_nobody_named_are_no_reason() {
        assert_eq!(ResponseFlags(1 << 40).failure(), None);
        assert_eq!(
            ResponseFlags(u64::MAX).failure().map(FailureReason::as_str),
            Some("failed_local_health_check")
        );
    }

    #[test]
    fn the_upstream_breaks_off_by_resets_and_timeouts_of_its_own() {
        let upstream = ["UT", "LR", "UR", "UF", "UC", "UMSDR", "UPE"];
        for (short, _) in FLAGS {
            assert_eq!(flags(short).upstream_broke_off(), upstream.contains(&short), "{short}");
        }
    }

    #[test]
    fn who_left_and_who_was_limited_is_known() {
        assert!(flags("DC").client_left() && flags("DR").client_left() && !flags("UC").client_left());
        assert!(flags("RL").is_rate_limited() && !flags("RLSE").is_rate_limited());
    }
}
