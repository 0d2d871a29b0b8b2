//! Who is the tenant, through a real Envoy: every source, what repeats, and who asks for another's resource.

mod support;

use support::client::{Call, Version, send_all};
use support::metrics::Metrics;
use support::{World, eventually};

const CONFIGURATION: &str = r#"{"service": "shop",
    "endpoints": {"templates": ["/t/{tenant}/orders/{id}"]},
    "tenant": {
        "sources": [{"header": "x-tenant-id"}, {"jwt": {"header": "authorization", "claim": "org.id"}},
                    {"path": "tenant"}, {"query": "tenant"}, {"host": "{tenant}.example"}],
        "isolation": {"claim": {"jwt": {"header": "authorization", "claim": "org.id"}}, "resource": {"path": "tenant"}}
    }}"#;

/// `{"org":{"id":"acme"}}`, and the same with a name in escapes: `{"org":{"id":"\u0061cme"}}`.
const TOKEN: &str = "Bearer eyJhbGciOiJub25lIn0.eyJvcmciOnsiaWQiOiJhY21lIn19.c2ln";
const ESCAPED: &str = "bearer eyJhbGciOiJub25lIn0.eyJvcmciOnsiaWQiOiJcdTAwNjFjbWUifX0.c2ln";

type Headers = &'static [(&'static str, &'static str)];

/// Path, headers, the tenant, and the tenant of a violation.
const CASES: [(&str, Headers, &str, Option<&str>); 14] = [
    ("/t/globex/orders/1?tenant=q", &[("x-tenant-id", "h"), ("authorization", TOKEN)], "h", Some("acme")),
    ("/t/globex/orders/1?tenant=q", &[("authorization", TOKEN)], "acme", Some("acme")),
    ("/t/acme/orders/1?tenant=q", &[("authorization", ESCAPED)], "acme", None),
    ("/t/globex/orders/1?tenant=q", &[("authorization", "Bearer x.y.z")], "globex", None),
    ("/t/globex/orders/1?tenant=q", &[("authorization", "Basic YTpi")], "globex", None),
    ("/t/%67lobex/orders/1", &[], "globex", None),
    ("/t/a%2fb/orders/1", &[("authorization", TOKEN)], "acme", Some("acme")),
    ("/x?tenant=&tenant=a+b&tenant=c", &[], "a_b", None),
    ("/x?t%65nant=%zz", &[], "_zz", None),
    ("/x", &[], "test", None),
    ("/x", &[("x-tenant-id", "first"), ("x-tenant-id", "second")], "first", None),
    ("/x", &[("x-tenant-id", ""), ("x-tenant-id", "second")], "second", None),
    ("/x", &[("x-tenant-id", "a;.;status=.=200")], "a___status___200", None),
    ("/x", &[("x-tenant-id", "_other")], "_other", None),
];

#[test]
fn every_source_names_the_tenant_and_violations_are_counted_once() {
    let world = World::start(CONFIGURATION, 2);
    let address = world.envoy.listener("ingress").expect("the listener");
    let (mut calls, mut expected) = (Vec::new(), Metrics::default());
    for (round, (path, headers, tenant, violation)) in CASES.iter().cycle().take(CASES.len() * 4).enumerate()
    {
        let call = headers.iter().fold(Call::get(path), |call, (name, value)| call.header(name, value));
        let version = [Version::H1, Version::H2][round / CASES.len() % 2];
        // Over HTTP/2 the client's authority is an address.
        let tenant = if *tenant == "test" && version == Version::H2 { "_none" } else { tenant };
        calls.push(Call { version, ..call });
        expected.add(
            "tenant_requests_total",
            &[("service", "shop"), ("tenant", tenant), ("code_class", "2xx")],
            1,
        );
        if let Some(claimed) = violation {
            let labels = [("service", "shop"), ("tenant", *claimed)];
            expected.add("tenant_isolation_violations_total", &labels, 1);
        }
    }
    let answers = world.runtime.block_on(send_all(address, 4, &calls));
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    let counted = world.scrape_when_merged(calls.len() as u64);
    let ours = ["tenant_requests_total", "tenant_isolation_violations_total"];
    counted.only(|name| ours.contains(&name)).assert_equals(&expected);
}

#[test]
fn users_of_a_tenant_are_counted_once_whichever_worker_sees_them() {
    let configuration = r#"{"service": "shop", "tick": "200ms",
        "tenant": {"sources": [{"header": "x-tenant-id"}]},
        "user": {"sources": [{"header": "x-user-id"}], "active_window": "1m"}}"#;
    let world = World::start(configuration, 2);
    let address = world.envoy.listener("ingress").expect("the listener");
    // Over eight connections, so that both workers see most users.
    let call = |tenant: &str, user: usize| {
        Call::get("/").header("x-tenant-id", tenant).header("x-user-id", &format!("user-{user}"))
    };
    let mut calls: Vec<Call> = (0..990).map(|n| call("acme", n % 99)).collect();
    calls.extend((0..2000).map(|n| call("globex", n)));
    calls.push(Call::get("/").header("x-tenant-id", "initech"));
    world.runtime.block_on(send_all(address, 8, &calls));
    let active =
        |tenant: &str| world.scrape().get("tenant_active_users", &[("service", "shop"), ("tenant", tenant)]);
    eventually("both tenants' users", || (active("acme") == 99).then_some(()));
    let globex = eventually("the other tenant's", || Some(active("globex")).filter(|users| *users > 1800));
    assert!((1900..=2100).contains(&globex), "{globex} of 2,000");
    assert_eq!(active("initech"), 0);
    let labels: Vec<String> =
        world.scrape().only(|name| name == "tenant_active_users").0.into_keys().collect();
    assert_eq!(labels.len(), 2, "a tenant without users has no gauge: {labels:?}");
}
