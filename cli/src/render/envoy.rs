//! A configuration and addresses in, a whole Envoy bootstrap out: a gateway with the filter before one upstream.

use super::{Rendered, envoy_stats, plugin, yaml};
use crate::address::{HostPort, Upstream};
use crate::document::Document;

/// The listener's name, by which Envoy's admin interface lists it.
pub const LISTENER: &str = "ingress";

/// What a bootstrap is made of.
#[derive(Debug, Clone)]
pub struct Bootstrap<'a> {
    /// What the filter is told.
    pub document: &'a Document,
    /// Where requests go; a name is looked up in DNS, again and again.
    pub upstream: Upstream,
    /// Where requests come from, HTTP/1.1 or HTTP/2 without TLS.
    pub listen: HostPort,
    /// Envoy's admin interface. It can stop Envoy: keep it off the network.
    pub admin: HostPort,
    /// The filter's module, as Envoy will open it.
    pub wasm: String,
    /// How often Envoy merges its histograms; `None` leaves Envoy's 5 seconds, which suit a scrape of 15.
    pub flush_seconds: Option<u32>,
}

impl Bootstrap<'_> {
    /// `envoy.yaml`, with a header that says how it was made.
    pub fn render(&self) -> Rendered {
        let header = format!(
            "# Made by `redline render envoy` from the configuration of the service {}.\n",
            self.document.config.service
        );
        Rendered { name: "envoy.yaml", text: header + &self.yaml() }
    }

    /// The bootstrap without a header.
    pub fn yaml(&self) -> String {
        self.with(None)
    }

    /// [`Bootstrap::yaml`], with one more listener for those who may read the metrics and nothing else of the admin
    /// interface: `/stats/prometheus`, and `/ready`.
    pub fn yaml_with_metrics(&self, listen: &HostPort) -> String {
        self.with(Some(listen))
    }

    fn with(&self, metrics: Option<&HostPort>) -> String {
        let Self { document, upstream, listen, admin, flush_seconds, .. } = self;
        let flush = flush_seconds.map(|s| format!("stats_flush_interval: {s}s\n")).unwrap_or_default();
        // A name with addresses of both families is most often one server that listens on the older.
        let discovery = match upstream.address.ip() {
            Some(_) => "type: STATIC",
            None => "type: STRICT_DNS\n      dns_lookup_family: V4_PREFERRED",
        };
        let (timeout, protocol) = if upstream.http2 { (GRPC_TIMEOUT, HTTP2) } else { ("timeout: 15s", "") };
        format!(
            r#"admin:
  address:
    {admin}
{flush}static_resources:
  listeners:
    - name: {LISTENER}
      address:
        {listen}
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": {HCM}
                stat_prefix: {LISTENER}
                codec_type: AUTO
                use_remote_address: true
                request_headers_timeout: 10s
                stream_idle_timeout: 300s
                common_http_protocol_options:
                  idle_timeout: 900s
                route_config:
                  name: {LISTENER}
                  virtual_hosts:
                    - name: all
                      domains: ["*"]
                      routes:
                        - name: all
                          match: {{prefix: "/"}}
                          route: {{cluster: upstream, {timeout}}}
                http_filters:
{filter}                  - name: envoy.filters.http.router
                    typed_config:
                      "@type": {ROUTER}
{metrics_listener}  clusters:
    - name: upstream
      {discovery}
      connect_timeout: 2s
{protocol}      load_assignment:
        cluster_name: upstream
        endpoints:
          - lb_endpoints:
              - endpoint:
                  address:
                    {upstream}
{metrics_cluster}{stats}"#,
            admin = socket(admin),
            listen = socket(listen),
            upstream = socket(&upstream.address),
            filter = yaml::indented(&http_filter(document, &self.wasm), 18),
            stats = envoy_stats::stats_config(&document.config),
            metrics_listener = metrics.map(metrics_listener).unwrap_or_default(),
            metrics_cluster = metrics.map(|_| metrics_cluster(admin)).unwrap_or_default(),
        )
    }
}

fn metrics_listener(listen: &HostPort) -> String {
    format!(
        r#"    - name: metrics
      address:
        {listen}
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": {HCM}
                stat_prefix: metrics
                route_config:
                  name: metrics
                  virtual_hosts:
                    - name: metrics
                      domains: ["*"]
                      routes:
                        - {{match: {{path: /stats/prometheus}}, route: {{cluster: admin}}}}
                        - {{match: {{path: /ready}}, route: {{cluster: admin}}}}
                http_filters:
                  - name: envoy.filters.http.router
                    typed_config:
                      "@type": {ROUTER}
"#,
        listen = socket(listen)
    )
}

fn metrics_cluster(admin: &HostPort) -> String {
    format!(
        r#"    - name: admin
      type: STATIC
      connect_timeout: 1s
      load_assignment:
        cluster_name: admin
        endpoints:
          - lb_endpoints:
              - endpoint:
                  address:
                    {admin}
"#,
        admin = socket(admin)
    )
}

const HCM: &str =
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
/// A call may last for ever, or until its client's deadline; what stands still ends by the idle timeout. Envoy enforces the
/// deadline a little before the client does: else the client would be gone, and nobody to blame.
const GRPC_TIMEOUT: &str =
    "timeout: 0s, max_stream_duration: {grpc_timeout_header_max: 0s, grpc_timeout_header_offset: 0.02s}";
/// What a cluster says whose servers speak HTTP/2 without being asked.
const HTTP2: &str = r#"      typed_extension_protocol_options:
        envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
          "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
          explicit_http_config: {http2_protocol_options: {}}
"#;
const ROUTER: &str = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";

/// One element of `http_filters`: the filter, loaded from `wasm`, with its configuration; at column 0.
///
/// A crash of the module gets a new VM instead of refusing every request from then on (`FAIL_RELOAD`). The `vm_id`
/// keeps what workers share apart from other modules' data.
pub fn http_filter(document: &Document, wasm: &str) -> String {
    format!(
        r#"- name: redline
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
    config:
      name: redline
      root_id: redline
      failure_policy: FAIL_RELOAD
      vm_config:
        vm_id: redline
        runtime: envoy.wasm.runtime.v8
        code:
          local:
            filename: {wasm}
      configuration:
        "@type": type.googleapis.com/google.protobuf.StringValue
        value: |
{configuration}"#,
        wasm = yaml::quoted(wasm),
        configuration = yaml::indented(&plugin::json(&document.value), 10),
    )
}

fn socket(address: &HostPort) -> String {
    format!("socket_address: {{address: {}, port_value: {}}}", yaml::quoted(&address.host), address.port)
}
