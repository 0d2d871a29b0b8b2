//! `/config_dump` in; where the filter stands, what it was told, and how stats are kept, out.

use redline::config::Config;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What matters of one Envoy's configuration.
#[derive(Debug, Default)]
pub(super) struct Proxy {
    /// The bootstrap's `stats_config`; null where it has none.
    pub(super) stats_config: Value,
    /// Every place where the filter stands, in the order of the listeners.
    pub(super) filters: Vec<Filter>,
    /// What Envoy refused and goes on without; one without a name only where no named one was refused for the same reason.
    pub(super) refused: Vec<Refused>,
}

/// A change that Envoy refused.
#[derive(Debug)]
pub(super) struct Refused {
    /// The listener's or the filter's name, where Envoy says it.
    pub(super) name: Option<String>,
    /// Envoy's reason, its first line.
    pub(super) why: String,
}

/// The filter in one chain.
#[derive(Debug)]
pub(super) struct Filter {
    /// The listener's name.
    pub(super) listener: String,
    /// Which connection manager, counted over all listeners.
    pub(super) chain: usize,
    /// What the filters before and after it are: types without their package, such as `JwtAuthentication`; empty where
    /// one does nothing.
    pub(super) before: Vec<String>,
    pub(super) after: Vec<String>,
    /// The plugin's name, or else the filter's.
    pub(super) name: String,
    /// What Envoy's own stats of the plugin begin with, a dot at the end.
    pub(super) stats: String,
    /// Whether requests pass it by, but on routes that switch it on.
    pub(super) disabled: bool,
    /// Whether a route switches it on.
    pub(super) enabled_by_a_route: bool,
    /// Whether a crash refuses requests from then on.
    pub(super) fails_closed: bool,
    /// The whole plugin, by which two of them are the same or not.
    pub(super) plugin: Value,
    /// What it was told; the error is what this version of Redline finds wrong with it.
    pub(super) config: Result<Config, String>,
}

impl Proxy {
    /// Reads a dump; what is not there or not as expected is left out.
    pub(super) fn of(dump: &Value) -> Self {
        let sections = || dump.get("configs").and_then(Value::as_array).into_iter().flatten();
        let of_type = |name: &'static str| {
            sections().filter(move |section| type_of(section).is_some_and(|of| of == name))
        };
        let stats_config = of_type("BootstrapConfigDump").find_map(|s| s.pointer("/bootstrap/stats_config"));
        // Istio hands filters over one by one; the chain then has their names.
        let discovered: BTreeMap<&str, &Value> = of_type("EcdsConfigDump")
            .flat_map(|section| list(section, "ecds_filters"))
            .filter_map(|filter| filter.get("ecds_filter"))
            .filter_map(|filter| Some((filter.get("name")?.as_str()?, filter)))
            .collect();
        let mut proxy = Self { stats_config: stats_config.cloned().unwrap_or_default(), ..Self::default() };
        let mut enabled = BTreeSet::new();
        enabled_by_routes(dump, &mut enabled);
        let chains_of = Chains { discovered, enabled };
        let mut chains = 0;
        for section in of_type("ListenersConfigDump") {
            let fixed = list(section, "static_listeners").filter_map(|l| l.get("listener"));
            let dynamic =
                list(section, "dynamic_listeners").filter_map(|l| l.pointer("/active_state/listener"));
            for listener in fixed.chain(dynamic) {
                let name = listener.get("name").and_then(Value::as_str).unwrap_or("(without a name)");
                managers(listener, &mut |filters| {
                    chains += 1;
                    proxy.add(name, chains, filters, &chains_of);
                });
            }
            proxy.refused.extend(list(section, "dynamic_listeners").filter_map(refused));
        }
        for section in of_type("EcdsConfigDump") {
            proxy.refused.extend(list(section, "ecds_filters").filter_map(refused));
        }
        // Of a change that Envoy could not read it says the same of the whole, without a name.
        let named: Vec<String> =
            proxy.refused.iter().filter(|r| r.name.is_some()).map(|r| r.why.clone()).collect();
        proxy.refused.retain(|refused| refused.name.is_some() || !named.contains(&refused.why));
        proxy
    }

    /// The configurations that were read, each once.
    pub(super) fn configs(&self) -> impl Iterator<Item = &Config> {
        let read =
            self.filters.iter().enumerate().filter_map(|(i, filter)| Some((i, filter.config.as_ref().ok()?)));
        read.filter(|(i, config)| {
            let earlier = self.filters.iter().take(*i).filter_map(|filter| filter.config.as_ref().ok());
            !earlier.into_iter().any(|known| known == *config)
        })
        .map(|(_, config)| config)
    }

    fn add(&mut self, listener: &str, chain: usize, filters: &[Value], of: &Chains<'_>) {
        let configs: Vec<&Value> =
            filters.iter().map(|filter| typed_config(filter, &of.discovered)).collect();
        let kinds: Vec<String> = filters
            .iter()
            .zip(&configs)
            .map(|(filter, config)| {
                let works = (!disabled(filter) || of.enables(filter)) && !verifies_nothing(config);
                type_of(config).filter(|_| works).unwrap_or_default().to_owned()
            })
            .collect();
        for (i, (filter, config)) in filters.iter().zip(&configs).enumerate() {
            let Some(plugin) = wasm_plugin(config) else { continue };
            let Some(config) = configuration(plugin) else { continue };
            let text = |key: &str| plugin.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            let policy = text("failure_policy");
            let open = plugin.get("fail_open").and_then(Value::as_bool).unwrap_or_default();
            let name = match text("name") {
                name if name.is_empty() => {
                    filter.get("name").and_then(Value::as_str).unwrap_or_default().to_owned()
                }
                name => name,
            };
            // Where the plugin has no name, they have none.
            let stats = match text("name") {
                name if name.is_empty() => "wasm.".to_owned(),
                name => format!("wasm.{name}."),
            };
            self.filters.push(Filter {
                listener: listener.to_owned(),
                chain,
                before: kinds.get(..i).unwrap_or_default().to_vec(),
                after: kinds.get(i.saturating_add(1)..).unwrap_or_default().to_vec(),
                name,
                stats,
                disabled: disabled(filter),
                enabled_by_a_route: of.enables(filter),
                fails_closed: !open && !matches!(policy.as_str(), "FAIL_RELOAD" | "FAIL_OPEN"),
                plugin: plugin.clone(),
                config,
            });
        }
    }
}

/// What a chain's filters are told outside of it.
struct Chains<'v> {
    /// Filters that are handed over one by one, by name.
    discovered: BTreeMap<&'v str, &'v Value>,
    /// Names of filters that a route configures, and does not switch off.
    enabled: BTreeSet<&'v str>,
}

impl Chains<'_> {
    fn enables(&self, filter: &Value) -> bool {
        filter.get("name").and_then(Value::as_str).is_some_and(|name| self.enabled.contains(name))
    }
}

/// Collects the names of filters that any route, virtual host or cluster of a route switches on.
fn enabled_by_routes<'v>(value: &'v Value, enabled: &mut BTreeSet<&'v str>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::Object(filters)) = map.get("typed_per_filter_config") {
                let on = filters.iter().filter(|(_, config)| !disabled(config));
                enabled.extend(on.map(|(name, _)| name.as_str()));
            }
            map.values().for_each(|value| enabled_by_routes(value, enabled));
        }
        Value::Array(items) => items.iter().for_each(|value| enabled_by_routes(value, enabled)),
        _ => {}
    }
}

fn disabled(value: &Value) -> bool {
    value.get("disabled").and_then(Value::as_bool).unwrap_or_default()
}

/// Whether it is jwt_authn without a provider, or without anything that says whose requests need one.
fn verifies_nothing(config: &Value) -> bool {
    let fields = config.get("value").unwrap_or(config);
    let has = |key: &str| match fields.get(key) {
        Some(Value::Object(map)) => !map.is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        _ => false,
    };
    let rules = ["rules", "requirement_map", "filter_state_rules"].into_iter().any(has);
    type_of(config) == Some("JwtAuthentication") && !(has("providers") && rules)
}

/// What was refused last of a listener, or of a filter that is handed over, and why.
fn refused(entry: &Value) -> Option<Refused> {
    let error = entry.get("error_state")?;
    let name = entry.get("name").or_else(|| entry.pointer("/ecds_filter/name")).and_then(Value::as_str);
    let why = error.get("details").and_then(Value::as_str).unwrap_or("Envoy does not say why");
    let why = why.lines().next().unwrap_or_default().to_owned();
    Some(Refused { name: name.filter(|name| !name.is_empty()).map(str::to_owned), why })
}

/// Calls `found` with the HTTP filters of every connection manager in a listener.
fn managers<'v>(value: &'v Value, found: &mut impl FnMut(&'v [Value])) {
    match value {
        Value::Object(map) => {
            if let Some(Value::Array(filters)) = map.get("http_filters") {
                found(filters);
            }
            map.values().for_each(|value| managers(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| managers(value, found)),
        _ => {}
    }
}

/// A filter's configuration, wherever it comes from; null where it is not in the dump.
fn typed_config<'v>(filter: &'v Value, discovered: &BTreeMap<&str, &'v Value>) -> &'v Value {
    let here = filter.get("typed_config").or_else(|| {
        let name = filter.get("name")?.as_str()?;
        discovered.get(name)?.get("typed_config")
    });
    let config = here.unwrap_or(&Value::Null);
    // Istio and others wrap a filter in what decides for which requests it is.
    let wrapped = || config.pointer("/extension_config/typed_config");
    (type_of(config) == Some("ExtensionWithMatcher")).then(wrapped).flatten().unwrap_or(config)
}

/// The type of an `Any`, without its package; of a TypedStruct, the type in it.
fn type_of(any: &Value) -> Option<&str> {
    let url = any.get("@type")?.as_str()?;
    let url = if url.ends_with(".TypedStruct") { any.get("type_url")?.as_str()? } else { url };
    url.rsplit(['.', '/']).next()
}

/// The PluginConfig of a Wasm filter.
fn wasm_plugin(config: &Value) -> Option<&Value> {
    if type_of(config) != Some("Wasm") {
        return None;
    }
    config.get("config").or_else(|| config.pointer("/value/config"))
}

/// What a plugin was told, where the plugin is Redline's: it is called so, or its configuration reads as ours.
fn configuration(plugin: &Value) -> Option<Result<Config, String>> {
    let empty = Value::Null;
    let any = plugin.get("configuration").unwrap_or(&empty);
    let config = match (type_of(any), any.get("value")) {
        (Some("StringValue"), Some(Value::String(text))) => Config::from_json(text.as_bytes()),
        (Some("Struct"), Some(value)) => Config::from_value(value),
        _ => Config::from_json(b""),
    };
    let named = ["name", "root_id"].into_iter().filter_map(|key| plugin.get(key)?.as_str());
    let module = plugin.pointer("/vm_config/code").map(Value::to_string).unwrap_or_default();
    let ours =
        config.is_ok() || module.contains("redline") || named.into_iter().any(|n| n.contains("redline"));
    ours.then(|| config.map_err(|errors| errors.to_string()))
}

fn list<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}
