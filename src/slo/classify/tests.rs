use super::Verdict::{Bad, Excluded, Good};
use super::*;
use crate::config::{Duration, Limits, Objective, Where};
use crate::endpoint::EndpointId;
use crate::exchange::{FLAGS, GrpcCode, ResponseFlags, TenantId, UpstreamFacts};
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const MS: u64 = 1_000_000;

fn flags(short: &str) -> ResponseFlags {
    let bit = |name| FLAGS.iter().position(|(known, _)| *known == name).unwrap();
    ResponseFlags(short.split(',').filter(|s| !s.is_empty()).map(|s| 1 << bit(s)).sum())
}

fn exchange(status: u16, short: &str, duration_ns: Option<u64>) -> Exchange {
    Exchange {
        method: Method::Get,
        endpoint: EndpointId(0),
        tenant: TenantId::NONE,
        violates: None,
        status: Status(status),
        flags: flags(short),
        grpc: None,
        duration_ns,
        request_bytes: None,
        response_bytes: None,
        upstream: UpstreamFacts::default(),
    }
}

fn slo(sli: Sli, filter: Where) -> Slo {
    let objective = Objective::parse(&"99.9".into()).unwrap();
    Slo { name: "s".to_owned(), objective, period: Duration::from_days(30), sli, filter }
}

/// What is bad when nothing else is configured.
fn availability() -> Sli {
    Sli::Availability { bad_status: vec![StatusMatch::Class(5)], bad_grpc: vec![2, 4, 12, 13, 14, 15] }
}

fn latency() -> Sli {
    Sli::Latency { threshold: Duration::from_millis(300) }
}

fn filter(endpoint: &[&str], method: &[Method], tenant: &[&str]) -> Where {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Where { endpoint: owned(endpoint), method: method.to_vec(), tenant: owned(tenant) }
}

fn classifier(slos: &[Slo]) -> Classifier {
    let templates = ["/a", "/b/{id}", "/c"].map(|text| Template::parse(text).unwrap());
    Classifier::for_templates(slos, &templates)
}

/// Of one SLO that counts every request.
fn judge(sli: Sli) -> Classifier {
    classifier(&[slo(sli, Where::default())])
}

/// The verdict of the only SLO.
fn verdict(classifier: &Classifier, exchange: &Exchange) -> Verdict {
    let mut verdict = Excluded;
    classifier.classify(exchange, classifier.tenant(None), |slo, found| {
        assert_eq!((slo, verdict), (0, Excluded));
        verdict = found;
    });
    verdict
}

#[test]
fn requests_are_judged_in_the_contracts_order() {
    let (fast, slow) = (Some(300 * MS), Some(300 * MS + 1));
    // Status, flags, duration; for availability, for latency.
    let cases = [
        (200, "", fast, Good, Good),
        (200, "", slow, Good, Bad),
        (200, "", None, Good, Excluded),
        (304, "", fast, Good, Good),
        (404, "", fast, Good, Good),
        (404, "", slow, Good, Bad),
        (429, "RL", fast, Good, Good),
        (403, "UAEX", slow, Good, Bad),
        // A 5xx that was sent, whatever else is said.
        (500, "", fast, Bad, Excluded),
        (503, "UH", slow, Bad, Excluded),
        (503, "UF,URX", fast, Bad, Excluded),
        (504, "UT", slow, Bad, Excluded),
        (502, "DC", slow, Bad, Excluded),
        (599, "", fast, Bad, Excluded),
        // The client left.
        (0, "DC", fast, Excluded, Excluded),
        (0, "DC", slow, Excluded, Bad),
        (0, "DR", slow, Excluded, Bad),
        (0, "DC", None, Excluded, Excluded),
        (200, "DC", fast, Excluded, Excluded),
        (200, "DR", slow, Excluded, Bad),
        (0, "DC,UC", fast, Excluded, Excluded),
        // Over HTTP/3 Envoy says nothing of it.
        (0, "", fast, Excluded, Excluded),
        (0, "", slow, Excluded, Bad),
        // No response for another reason.
        (0, "UC", slow, Bad, Excluded),
        (0, "DPE", fast, Bad, Excluded),
        (0, "SI", fast, Bad, Excluded),
        // Cut off by the upstream after the headers.
        (200, "UC", fast, Bad, Excluded),
        (200, "UPE", slow, Bad, Excluded),
        (200, "UR", None, Bad, Excluded),
        (200, "UT", slow, Bad, Excluded),
        (200, "UMSDR", slow, Bad, Excluded),
        (404, "UC", fast, Bad, Excluded),
        // Not cut off by it.
        (408, "UMSDR", slow, Good, Bad),
        (200, "URX", fast, Good, Good),
        (200, "DI", slow, Good, Bad),
        (200, "RFCF", fast, Good, Good),
        (400, "DPE", fast, Good, Good),
        // An upgrade.
        (101, "", slow, Good, Excluded),
        (101, "DC", slow, Excluded, Excluded),
        (101, "UC", slow, Good, Excluded),
    ];
    let (availability, latency) = (judge(availability()), judge(latency()));
    for (status, short, duration, by_availability, by_latency) in cases {
        let exchange = exchange(status, short, duration);
        let got = (verdict(&availability, &exchange), verdict(&latency, &exchange));
        assert_eq!(got, (by_availability, by_latency), "{status} {short} {duration:?}");
    }
}

#[test]
fn grpc_calls_are_judged_by_their_own_code() {
    let (availability, latency) = (judge(availability()), judge(latency()));
    for code in 0..=16 {
        let exchange = Exchange { grpc: Some(GrpcCode::from_number(code)), ..exchange(200, "", Some(MS)) };
        let bad = [2, 4, 12, 13, 14, 15].contains(&code);
        assert_eq!(verdict(&availability, &exchange), if bad { Bad } else { Good }, "{code}");
        assert_eq!(verdict(&latency, &exchange), if bad { Excluded } else { Good }, "{code}");
    }
}

#[test]
fn connect_is_no_event_of_latency() {
    let connect = |status| Exchange { method: Method::Connect, ..exchange(status, "", Some(3_600_000 * MS)) };
    for status in [200, 403] {
        assert_eq!(verdict(&judge(latency()), &connect(status)), Excluded, "{status}");
        assert_eq!(verdict(&judge(availability()), &connect(status)), Good, "{status}");
    }
}

#[test]
fn what_is_bad_can_be_chosen() {
    let bad_status = ["503", "429", "1xx"].map(|text| StatusMatch::parse(text).unwrap()).to_vec();
    let chosen = judge(Sli::Availability { bad_status, bad_grpc: vec![0, 16] });
    let cases =
        [(503, Bad), (500, Good), (504, Good), (429, Bad), (430, Good), (101, Bad), (200, Good), (999, Good)];
    for (status, expected) in cases {
        assert_eq!(verdict(&chosen, &exchange(status, "", None)), expected, "{status}");
    }
    for (code, expected) in [(0, Bad), (16, Bad), (2, Good)] {
        let exchange = Exchange { grpc: Some(GrpcCode::from_number(code)), ..exchange(200, "", None) };
        assert_eq!(verdict(&chosen, &exchange), expected, "gRPC {code}");
    }
    // A timeout that Envoy answered is no cut: it is judged by its status alone.
    assert_eq!(verdict(&chosen, &exchange(504, "UT", None)), Good);
}

fn matching(
    classifier: &Classifier,
    endpoint: EndpointId,
    method: Method,
    tenant: Option<&str>,
) -> Vec<SloIndex> {
    let exchange = Exchange { endpoint, method, ..exchange(200, "", Some(MS)) };
    let group = classifier.tenant(tenant.map(str::as_bytes));
    let mut slos = Vec::new();
    classifier.classify(&exchange, group, |slo, _| slos.push(slo));
    slos
}

#[test]
fn an_slo_counts_what_its_where_admits() {
    use Method::{Get, Post, Put};
    let filters = [
        Where::default(),
        filter(&["/b/{id}"], &[], &[]),
        filter(&["/b/{id}", "_other"], &[], &[]),
        filter(&[], &[Post, Put], &[]),
        filter(&[], &[], &["acme.io"]),
        filter(&["/b/{id}"], &[Get], &["acme.io", "globex"]),
        filter(&[], &[], &["_none"]),
    ];
    let classifier = classifier(&filters.map(|filter| slo(availability(), filter)));
    let (a, b, other) = (EndpointId(0), EndpointId(1), EndpointId::OTHER);
    let cases: &[(EndpointId, Method, Option<&str>, &[SloIndex])] = &[
        (a, Method::Get, Some("initech"), &[0]),
        (b, Method::Get, Some("initech"), &[0, 1, 2]),
        (other, Method::Get, Some("initech"), &[0, 2]),
        (EndpointId(2), Method::Put, Some(""), &[0, 3]),
        (a, Method::Other, Some("acme.io"), &[0, 4]),
        (b, Method::Get, Some("acme.io"), &[0, 1, 2, 4, 5]),
        (b, Method::Post, Some("globex"), &[0, 1, 2, 3]),
        (b, Method::Get, Some("acme_io"), &[0, 1, 2]),
        (a, Method::Get, None, &[0, 6]),
        (a, Method::Get, Some("_none"), &[0]),
        (EndpointId(4000), Method::Get, Some("x"), &[0]),
    ];
    for (endpoint, method, tenant, expected) in cases {
        assert_eq!(
            matching(&classifier, *endpoint, *method, *tenant),
            *expected,
            "{endpoint:?} {method:?} {tenant:?}"
        );
    }
}

#[test]
fn hundreds_of_slos_are_told_apart() {
    let slos: Vec<Slo> = (0..300)
        .map(|n| {
            let filter = match n % 3 {
                0 => filter(&[], &[], &[&format!("t{n}")]),
                1 => filter(&["/c"], &[Method::Get], &[]),
                _ => filter(&["_other"], &[], &[]),
            };
            slo(availability(), filter)
        })
        .collect();
    let classifier = classifier(&slos);
    let got = matching(&classifier, EndpointId(2), Method::Get, Some("t297"));
    let expected: Vec<SloIndex> = (0..300).filter(|n| n % 3 == 1 || *n == 297).collect();
    assert_eq!(got, expected);
    assert_eq!(matching(&classifier, EndpointId(0), Method::Get, Some("t0")), [0]);
    assert_eq!(matching(&classifier, EndpointId(0), Method::Get, None), [0_usize; 0]);
    assert_eq!(matching(&Classifier::default(), EndpointId(0), Method::Get, None), [0_usize; 0]);
}

#[test]
fn route_names_are_matched_as_their_labels() {
    let slos = [
        slo(availability(), filter(&["my.route"], &[], &[])),
        slo(availability(), filter(&["_other"], &[], &[])),
        slo(latency(), Where::default()),
    ];
    let mut routes = RouteNames::new(Limits { max_series: 2, max_label_bytes: 128 });
    let classifier = Classifier::for_route_names(&slos, &mut routes);
    let cases: [(&[u8], &[SloIndex]); 4] =
        [(b"somewhere", &[2]), (b"my.route", &[0, 2]), (b"past-the-table", &[1, 2]), (b"_other", &[1, 2])];
    for (route, expected) in cases {
        let id = routes.id(route);
        assert_eq!(
            matching(&classifier, id, Method::Get, None),
            expected,
            "{}",
            String::from_utf8_lossy(route)
        );
    }
    assert_eq!([0, 1, 2, 3].map(|slo| classifier.is_latency(slo)), [false, false, true, false]);
}
