//! Envoy's string matchers and a stat's name in, whether they meet out.

use regex::RegexBuilder;
use serde_json::Value;

/// Whether a `StringMatcher` of Envoy's matches; `None` where it is of a kind that is not known here.
pub(super) fn matches(matcher: &Value, name: &str) -> Option<bool> {
    let ignore_case = matcher.get("ignore_case").and_then(Value::as_bool).unwrap_or_default();
    if let Some(pattern) = matcher.pointer("/safe_regex/regex").and_then(Value::as_str) {
        // The whole name, as RE2's FullMatch has it.
        let regex =
            RegexBuilder::new(&format!("^(?:{pattern})$")).dot_matches_new_line(false).build().ok()?;
        return Some(regex.is_match(name));
    }
    let fold = |text: &str| if ignore_case { text.to_ascii_lowercase() } else { text.to_owned() };
    let name = fold(name);
    let text = |key: &str| matcher.get(key).and_then(Value::as_str).map(fold);
    if let Some(exact) = text("exact") {
        return Some(name == exact);
    }
    if let Some(prefix) = text("prefix") {
        return Some(name.starts_with(&prefix));
    }
    if let Some(suffix) = text("suffix") {
        return Some(name.ends_with(&suffix));
    }
    text("contains").map(|part| name.contains(&part))
}

/// Whether a `stats_matcher` keeps a stat; `None` where that cannot be said.
pub(super) fn keeps(stats_matcher: &Value, name: &str) -> Option<bool> {
    if stats_matcher.get("reject_all").and_then(Value::as_bool) == Some(true) {
        return Some(false);
    }
    let any = |list: &Value| {
        let patterns = list.get("patterns").and_then(Value::as_array).into_iter().flatten();
        let mut unknown = false;
        for pattern in patterns {
            match matches(pattern, name) {
                Some(true) => return Some(true),
                Some(false) => {}
                None => unknown = true,
            }
        }
        (!unknown).then_some(false)
    };
    if let Some(list) = stats_matcher.get("inclusion_list") {
        return any(list);
    }
    match stats_matcher.get("exclusion_list") {
        Some(list) => any(list).map(|excluded| !excluded),
        None => Some(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_kind_of_pattern_is_read_as_envoy_reads_it() {
        let name = "wasmcustom.http_requests_total.service=.=shop;.;";
        for (matcher, expected) in [
            (json!({"prefix": "wasmcustom."}), Some(true)),
            (json!({"prefix": "WASM"}), Some(false)),
            (json!({"prefix": "WASM", "ignore_case": true}), Some(true)),
            (json!({"suffix": ";.;"}), Some(true)),
            (json!({"contains": "requests"}), Some(true)),
            (json!({"exact": "wasmcustom"}), Some(false)),
            (json!({"safe_regex": {"regex": "wasmcustom"}}), Some(false)),
            (json!({"safe_regex": {"regex": "wasm.*"}}), Some(true)),
            (json!({"safe_regex": {"regex": "(?=x)"}}), None),
            (json!({"custom": {}}), None),
        ] {
            assert_eq!(matches(&matcher, name), expected, "{matcher}");
        }
    }

    #[test]
    fn a_list_keeps_or_throws_away() {
        let list = |patterns: Value| json!({"patterns": patterns});
        let ours = list(json!([{"prefix": "a"}, {"prefix": "wasm"}]));
        for (matcher, expected) in [
            (json!({}), Some(true)),
            (json!({"reject_all": true}), Some(false)),
            (json!({"reject_all": false}), Some(true)),
            (json!({"inclusion_list": ours}), Some(true)),
            (json!({"exclusion_list": ours}), Some(false)),
            (json!({"inclusion_list": list(json!([{"prefix": "a"}]))}), Some(false)),
            (json!({"inclusion_list": list(json!([{"custom": {}}]))}), None),
            (json!({"exclusion_list": list(json!([{"custom": {}}, {"prefix": "wasm"}]))}), Some(false)),
        ] {
            assert_eq!(keeps(&matcher, "wasmcustom.x"), expected, "{matcher}");
        }
    }
}
