//! A configuration in; the proxies of each kind, as overlays of kustomize, out.

use super::super::istio::Hop;
use super::super::yaml::{indented, quoted};
use super::super::{Bootstrap, Rendered, envoy_stats, names, plugin};
use super::{KUSTOMIZATION, Kubernetes};
use crate::address::HostPort;

/// Where the plain Envoy shows its metrics, and nothing else of its admin interface.
const METRICS_PORT: u16 = 9902;

/// How a monitor reads a proxy, whatever it is: our labels stay, and alerts know the job by its name.
const ENDPOINT: &str = "      path: /stats/prometheus
      interval: 15s
      # Our labels `service` and `endpoint` are the traffic's. Without this line the operator's own labels of the same names
      # would take their place, and no rule would match.
      honorLabels: true
      relabelings:
        - {targetLabel: job, replacement: redline}
";

fn host(address: &str, port: u16) -> HostPort {
    HostPort { host: address.to_owned(), port }
}

impl Kubernetes<'_> {
    fn name(&self, ending: &str) -> String {
        names::resource(&self.document.config.service, ending)
    }

    fn overlay(&self, what: &str, files: &str) -> String {
        format!("{}{KUSTOMIZATION}resources: [../../operator, {files}]\n", self.header(what))
    }

    /// A monitor of pods in a namespace that have all of these labels.
    fn pod_monitor(&self, namespace: Option<&str>, labels: &str, port: &str, what: &str) -> String {
        let namespace = namespace.map(|name| format!("  namespace: {name}\n")).unwrap_or_default();
        format!(
            "{header}apiVersion: monitoring.coreos.com/v1\nkind: PodMonitor\nmetadata:\n  name: {name}\n{namespace}  labels: \
             {{app.kubernetes.io/part-of: redline}}\nspec:\n  selector:\n    matchLabels: {{{labels}}}\n  \
             podMetricsEndpoints:\n    - port: {port}\n{ENDPOINT}",
            header = self.header(what),
            name = self.name(""),
        )
    }

    /// `gateway`, a plain Envoy, and `overlays/envoy`.
    pub(super) fn envoy(&self) -> Vec<Rendered> {
        let name = self.name("-gateway");
        let labels = format!(
            "{{app.kubernetes.io/name: redline-gateway, app.kubernetes.io/instance: {}}}",
            quoted(&names::label_value(&self.document.config.service))
        );
        let gateway = self.header(
            "A plain Envoy with the filter, in front of one service; it needs no custom resource. envoy.yaml and redline.wasm are\n\
             # its ConfigMap, and a change of either makes new pods. Apply it with --server-side: what kubectl notes down else has\n\
             # no room for a module.",
        ) + &format!(
            "{KUSTOMIZATION}resources: [deployment.yaml, service.yaml]\nconfigMapGenerator:\n  - name: {name}\n    files: \
             [envoy.yaml, redline.wasm]\n"
        );
        let overlay = self.overlay(
            "The plain Envoy, and how the Prometheus Operator reads it.",
            "../../gateway, servicemonitor.yaml",
        );
        let bootstrap = Bootstrap {
            document: self.document,
            upstream: self.upstream.clone(),
            listen: host("0.0.0.0", 10000),
            admin: host("127.0.0.1", 9901),
            wasm: "/etc/envoy/redline.wasm".to_owned(),
            flush_seconds: None,
        };
        let bootstrap = self.header("As `redline render envoy` writes it, and a listener for Prometheus.")
            + &bootstrap.yaml_with_metrics(&host("0.0.0.0", METRICS_PORT));
        let deployment = format!(
            r#"{header}apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  labels: {labels}
spec:
  replicas: 2
  selector:
    matchLabels: {labels}
  template:
    metadata:
      labels: {labels}
    spec:
      automountServiceAccountToken: false
      securityContext: {{runAsNonRoot: true, runAsUser: 101, runAsGroup: 101, seccompProfile: {{type: RuntimeDefault}}}}
      containers:
        - name: envoy
          image: envoyproxy/envoy:distroless-v1.40.0
          # Each worker has a VM of its own: as many as the pod may use cores, not as many as the machine has.
          args: [--config-path, /etc/envoy/envoy.yaml, --concurrency, "2"]
          ports:
            - {{name: http, containerPort: 10000}}
            - {{name: metrics, containerPort: {METRICS_PORT}}}
          readinessProbe:
            httpGet: {{path: /ready, port: metrics}}
          resources:
            requests: {{cpu: 500m, memory: 256Mi}}
            limits: {{memory: 512Mi}}
          securityContext: {{allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {{drop: [ALL]}}}}
          volumeMounts:
            - {{name: config, mountPath: /etc/envoy, readOnly: true}}
      volumes:
        - name: config
          configMap: {{name: {name}}}
"#,
            header = self.header("Two Envoys; stop one, and the other serves."),
        );
        let service = format!(
            r#"{header}apiVersion: v1
kind: Service
metadata:
  name: {name}
  labels: {labels}
spec:
  selector: {labels}
  ports:
    - {{name: http, port: 80, targetPort: http}}
    - {{name: metrics, port: {METRICS_PORT}, targetPort: metrics}}
"#,
            header = self.header("Where clients come in, and Prometheus."),
        );
        let monitor = format!(
            "{header}apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nmetadata:\n  name: {name}\n  labels: \
             {{app.kubernetes.io/part-of: redline}}\nspec:\n  selector:\n    matchLabels: {labels}\n  endpoints:\n    - port: \
             metrics\n{ENDPOINT}",
            header = self.header("How Prometheus reads every pod behind the Service."),
        );
        vec![
            Rendered { name: "gateway/kustomization.yaml", text: gateway },
            Rendered { name: "gateway/envoy.yaml", text: bootstrap },
            Rendered { name: "gateway/deployment.yaml", text: deployment },
            Rendered { name: "gateway/service.yaml", text: service },
            Rendered { name: "overlays/envoy/kustomization.yaml", text: overlay },
            Rendered { name: "overlays/envoy/servicemonitor.yaml", text: monitor },
        ]
    }

    /// `overlays/istio-gateway` and `overlays/sidecars`, and the components that annotate the pods of each.
    pub(super) fn istio(&self) -> Vec<Rendered> {
        let app = format!("app: {}", quoted(&names::label_value(&self.document.config.service)));
        let component = |selector: &str, what: &str| {
            format!(
                "{}apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n  - path: proxyconfig.yaml\n    \
                 target: {{kind: Deployment, labelSelector: {}}}\n",
                self.header(what),
                quoted(selector)
            )
        };
        let app_selector = format!("app={}", names::label_value(&self.document.config.service));
        let gateway = self.istio_of(Hop::Gateway);
        let sidecars = self.istio_of(Hop::Sidecars);
        let in_gateway =
            gateway.plugin().replacen("metadata:\n", "metadata:\n  namespace: istio-system\n", 1);
        vec![
            Rendered {
                name: "overlays/istio-gateway/kustomization.yaml",
                text: self.overlay(
                    "The filter in Istio's ingress gateway. Its pods need the annotations first: components/istio-gateway, where\n\
                     # its Deployment is built, or `kubectl patch` as proxyconfig.yaml says.",
                    "wasmplugin.yaml, podmonitor.yaml",
                ),
            },
            Rendered { name: "overlays/istio-gateway/wasmplugin.yaml", text: in_gateway },
            Rendered {
                name: "overlays/istio-gateway/podmonitor.yaml",
                text: self.pod_monitor(
                    Some("istio-system"),
                    "istio: ingressgateway",
                    "http-envoy-prom",
                    "How Prometheus reads every pod of the gateway.",
                ),
            },
            Rendered {
                name: "components/istio-gateway/kustomization.yaml",
                text: component("istio=ingressgateway", "For the kustomization that has the gateway's Deployment: components: [THIS FOLDER]."),
            },
            Rendered { name: "components/istio-gateway/proxyconfig.yaml", text: gateway.annotations() },
            Rendered {
                name: "overlays/sidecars/kustomization.yaml",
                text: self.overlay(
                    "The filter in the sidecars of the service's pods, in the namespace of kubectl's context. The pods need the\n\
                     # annotations first: components/sidecars, where their Deployment is built.\n\
                     # Apply it without -n, which refuses what says its own namespace, as the rules do:\n\
                     # kubectl config set-context --current --namespace=shop",
                    "wasmplugin.yaml, podmonitor.yaml",
                ),
            },
            Rendered { name: "overlays/sidecars/wasmplugin.yaml", text: sidecars.plugin() },
            Rendered {
                name: "overlays/sidecars/podmonitor.yaml",
                text: self.pod_monitor(None, &app, "http-envoy-prom", "How Prometheus reads every pod's sidecar."),
            },
            Rendered {
                name: "components/sidecars/kustomization.yaml",
                text: component(&app_selector, "For the kustomization that has the service's Deployment: components: [THIS FOLDER]."),
            },
            Rendered { name: "components/sidecars/proxyconfig.yaml", text: sidecars.annotations() },
        ]
    }

    /// `overlays/envoy-gateway`: a policy with the filter, and the bootstrap of its proxies.
    pub(super) fn envoy_gateway(&self) -> Vec<Rendered> {
        let name = self.name("");
        let code = match self.url.strip_prefix("oci://").or((!self.url.contains("://")).then_some(self.url)) {
            Some(image) => ("Image", "image", image),
            None => ("HTTP", "http", self.url),
        };
        let digest =
            self.sha256.map(|digest| format!("          sha256: {}\n", quoted(digest))).unwrap_or_default();
        let policy = format!(
            r#"{header}apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyExtensionPolicy
metadata:
  name: {name}
spec:
  targetRefs:
    - {{group: gateway.networking.k8s.io, kind: Gateway, name: eg}}
  wasm:
    - name: redline
      rootID: redline
      # Envoy Gateway knows no FAIL_RELOAD. After a crash of the module traffic goes on, uncounted by that worker until the proxy
      # restarts; the default, false, would refuse every request instead.
      failOpen: true
      code:
        type: {kind}
        {key}:
          url: {url}
{digest}      config:
{configuration}"#,
            header = self.header(
                "For the routes of one Gateway, in its namespace: a request that matches no route is not counted. Proxies need\n\
                 # envoyproxy.yaml first.",
            ),
            kind = code.0,
            key = code.1,
            url = quoted(code.2),
            configuration = indented(&plugin::flow(&self.document.value), 8),
        );
        let proxy = format!(
            r#"{header}apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyProxy
metadata:
  name: {name}
spec:
  bootstrap:
    type: Merge
    value: |
{stats}"#,
            header = self.header(
                "How the proxies read labels from stats, and the histograms' bounds. The Gateway names it:\n\
                 # spec: {infrastructure: {parametersRef: {group: gateway.envoyproxy.io, kind: EnvoyProxy, name: THIS ONE}}}\n\
                 # SEVERAL SERVICES ON ONE GATEWAY: it names one EnvoyProxy, which needs the stats_tags and the bounds of each.",
            ),
            stats = indented(&envoy_stats::stats_config(&self.document.config), 6),
        );
        vec![
            Rendered {
                name: "overlays/envoy-gateway/kustomization.yaml",
                text: self.overlay(
                    "The filter in a Gateway of Envoy Gateway's, named eg, in the namespace of kubectl's context. Apply it without -n,\n\
                     # which refuses what says its own namespace, as the rules do: kubectl config set-context --current --namespace=shop",
                    "envoyextensionpolicy.yaml, envoyproxy.yaml, podmonitor.yaml",
                ),
            },
            Rendered { name: "overlays/envoy-gateway/envoyextensionpolicy.yaml", text: policy },
            Rendered { name: "overlays/envoy-gateway/envoyproxy.yaml", text: proxy },
            Rendered {
                name: "overlays/envoy-gateway/podmonitor.yaml",
                text: self.pod_monitor(
                    Some("envoy-gateway-system"),
                    "app.kubernetes.io/name: envoy, app.kubernetes.io/component: proxy, gateway.envoyproxy.io/owning-gateway-name: eg",
                    "metrics",
                    "How Prometheus reads every proxy of the Gateway.",
                ),
            },
        ]
    }
}
