//! Tenants out of paths, and callers who ask for what is another tenant's.

use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn ask(recorder: &mut Recorder, host: &mut MemoryHost, headers: &[(&str, &str)]) {
    next_stream(host, headers);
    let mut stream = Stream::New;
    recorder.begin(&mut stream, true, host);
    end(host, 200);
    recorder.finish(&mut stream, host);
    recorder.finish(&mut stream, host);
}

fn isolating(tenant: serde_json::Value) -> Recorder {
    recorder(json!({"endpoints": {"templates": ["/t/{tenant}/x"]}, "tenant": tenant}))
}

#[test]
fn who_asks_for_the_resource_of_another_tenant_is_counted_once_under_the_name_that_was_claimed() {
    let isolation = json!({"claim": {"header": "x-t"}, "resource": {"path": "tenant"}});
    let mut recorder = isolating(json!({"sources": [{"path": "tenant"}], "isolation": isolation}));
    let mut host = MemoryHost::default();
    for (path, claim) in
        [("/t/acme/x", "glo.bex"), ("/t/acme/x", "acme"), ("/t/acme/x", ""), ("/y", "globex")]
    {
        ask(&mut recorder, &mut host, &[(":method", "GET"), (":path", path), ("x-t", claim)]);
    }
    let violations = |name| host.value(&tenant("tenant_isolation_violations_total", name, None));
    assert_eq!(violations("glo_bex"), Some(1));
    assert_eq!(host.names().filter(|name| name.starts_with("tenant_isolation")).count(), 1);
    assert_eq!(host.value(&tenant("tenant_requests_total", "acme", Some("2xx"))), Some(3));
    let mut stream = Stream::New;
    next_stream(&mut host, &[(":method", "GET"), (":path", "/t/acme/x"), ("x-t", "globex")]);
    recorder.finish(&mut stream, &mut host);
    assert_eq!(
        host.names().filter(|name| name.starts_with("tenant_isolation")).count(),
        1,
        "refused before us"
    );
}

#[test]
fn a_claim_goes_through_the_same_admission_and_meets_the_limit_once() {
    let isolation = json!({"claim": {"header": "x-t"}, "resource": {"path": "tenant"}});
    let mut recorder = isolating(json!({"sources": [{"header": "x-t"}], "max": 1, "isolation": isolation}));
    let mut host = MemoryHost::default();
    for claim in ["a", "b", "c"] {
        ask(&mut recorder, &mut host, &[(":method", "GET"), (":path", "/t/acme/x"), ("x-t", claim)]);
    }
    let violations = |name| host.value(&tenant("tenant_isolation_violations_total", name, None));
    assert_eq!((violations("a"), violations("_other")), (Some(1), Some(2)));
    assert_eq!(host.value("redline_series_overflow_total.service=.=shop;.;label=.=tenant;.;"), Some(2));
}

#[test]
fn a_template_names_the_tenant_also_where_routes_name_the_endpoints() {
    let endpoints = json!({"templates": ["/t/{tenant}/x"], "source": "route_name"});
    let mut recorder = recorder(json!({"endpoints": endpoints, "tenant": {"sources": [{"path": "tenant"}]}}));
    let mut host = MemoryHost::default();
    ask(&mut recorder, &mut host, &[(":method", "GET"), (":path", "/t/acme/x")]);
    assert_eq!(host.value(&tenant("tenant_requests_total", "acme", Some("2xx"))), Some(1));
}
