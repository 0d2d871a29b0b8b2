//! Who is served: tenants, and where their names come from.

use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn a_cap_beyond_max_series_is_refused() {
    let document = json!({"service": "s", "tenant": {"max": 600}, "limits": {"max_series": 500}});
    assert_eq!(mistakes(&document), ["$.tenant.max: 600: exceeds limits.max_series (500) alone"]);
}

#[test]
fn listed_tenants_are_names_and_each_is_there_once() {
    let document = json!({"service": "s", "tenant": {"allow": ["acme", "_other", "", "acme", "globex"]}});
    assert_eq!(
        mistakes(&document),
        [
            "$.tenant.allow[1]: \"_other\": expected the name of a tenant; _other, _none and _OTHER are reserved",
            "$.tenant.allow[2]: \"\": expected the name of a tenant; _other, _none and _OTHER are reserved",
            "$.tenant.allow[3]: \"acme\": is there twice",
        ]
    );
    let document = json!({"service": "s", "tenant": {"max": 2, "allow": ["a", "b", "c"]}});
    let got = mistakes(&document);
    assert_eq!(got, ["$.tenant.allow: [\"a\",\"b\",\"c\"]: more names than tenant.max admits (2)"]);
    let slo =
        json!({"name": "s", "objective": 99, "sli": {"availability": {}}, "where": {"tenant": ["_other"]}});
    let tenant = json!({"sources": [{"header": "x-tenant"}]});
    let got = mistakes(&json!({"service": "s", "tenant": tenant, "slos": [slo]})).join("");
    assert!(got.starts_with("$.slos[0].where.tenant[0]: \"_other\": expected the name of a tenant"), "{got}");
}

#[test]
fn every_kind_of_source_is_read_and_what_is_none_is_refused() {
    let document = |tenant: Value| json!({"service": "s", "endpoints": {"templates": ["/t/{tenant}/x", "/f/{path*}"]}, "tenant": tenant});
    let all = json!({"sources": [
        {"header": "X-Tenant-Id"},
        {"jwt": {"header": "Authorization", "claim": "https://example.com/tenant"}},
        {"path": "tenant"},
        {"host": "{tenant}.Example.com."},
        {"query": "tenant"},
    ], "isolation": {"claim": {"jwt": {"header": "authorization", "claim": "a.b"}}, "resource": {"path": "path"}}});
    let config = Config::from_value(&document(all)).unwrap();
    let host = HostPattern { prefix: String::new(), suffix: ".example.com".to_owned() };
    assert_eq!(
        config.tenant.sources,
        [
            ValueSource::Header("x-tenant-id".to_owned()),
            ValueSource::Jwt {
                header: "authorization".to_owned(),
                claim: "https://example.com/tenant".to_owned()
            },
            ValueSource::Path("tenant".to_owned()),
            ValueSource::Host(host),
            ValueSource::Query("tenant".to_owned()),
        ]
    );
    assert_eq!(config.tenant.isolation.as_ref().unwrap().resource, ValueSource::Path("path".to_owned()));
    assert!(config.emits(Metric::TenantIsolationViolations));
    let bad = json!({"sources": [
        {"jwt": {"header": "a"}},
        {"jwt": {"header": "a", "claim": "b..c"}},
        {"path": "id"},
        {"host": "example.com"},
        {"host": "{a}.{b}"},
        {"host": "*.example.com"},
        {"query": ""},
        "x-tenant-id",
    ], "isolation": {"claim": {"header": "a"}}});
    let expected = [
        "$.tenant.sources[0].jwt: `claim` is required",
        "$.tenant.sources[1].jwt.claim: \"b..c\": expected a claim such as tenant_id or org.id",
        "$.tenant.sources[2].path: \"id\": no template in endpoints.templates has the parameter {id}",
        "$.tenant.sources[3].host: \"example.com\": expected a host with one parameter, such as {tenant}.example.com",
        "$.tenant.sources[4].host: \"{a}.{b}\": expected a host with one parameter, such as {tenant}.example.com",
        "$.tenant.sources[5].host: \"*.example.com\": expected a host with one parameter, such as {tenant}.example.com",
        "$.tenant.sources[6].query: \"\": expected the name of a query parameter",
        "$.tenant.sources[7]: \"x-tenant-id\": expected an object",
        "$.tenant.isolation: `resource` is required",
    ];
    assert_eq!(mistakes(&document(bad)), expected);
    let two = mistakes(&document(json!({"sources": [{"header": "a", "query": "b"}]})));
    assert!(two[0].ends_with("expected exactly one of header, jwt, path, host, query"), "{two:?}");
    let many = mistakes(&document(json!({"sources": vec![json!({"header": "a"}); 9]})));
    assert!(many[0].ends_with("expected at most 8 sources"), "{many:?}");
}
