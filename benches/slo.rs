//! What SLOs cost: classification on every request, windows and reports on every tick. No host.

use criterion::{Criterion, criterion_group, criterion_main};
use redline::config::{Duration, Objective, Sli, Slo, Where};
use redline::endpoint::{EndpointId, Template};
use redline::exchange::{Exchange, Method, ResponseFlags, Status, StatusMatch, TenantId, UpstreamFacts};
use redline::slo::{Classifier, LastHour, Pending, Report, SlicePage, Tally, Window, Windows};
use std::hint::black_box;

const TICK: u64 = 10_000_000_000;
const SLOS: usize = 50;

fn objective() -> Option<Objective> {
    Objective::parse(&"99.9".into())
}

/// One in ten counts the endpoint that is asked for; the others have one of their own.
fn classifier(slos: usize) -> Option<Classifier> {
    let templates: Vec<Template> =
        (0..SLOS).filter_map(|n| Template::parse(&format!("/api/v1/resource-{n}/{{id}}")).ok()).collect();
    let objective = objective()?;
    let slos: Vec<Slo> = (0..slos)
        .map(|n| Slo {
            name: format!("slo_{n}"),
            objective,
            period: Duration::from_days(30),
            sli: match n % 20 {
                0 => Sli::Latency { threshold: Duration::from_millis(300) },
                _ => Sli::Availability {
                    bad_status: vec![StatusMatch::Class(5)],
                    bad_grpc: vec![2, 4, 12, 13, 14, 15],
                },
            },
            filter: Where {
                endpoint: vec![format!("/api/v1/resource-{}/{{id}}", if n % 10 == 0 { 0 } else { n })],
                method: vec![Method::Get],
                tenant: if n % 2 == 0 { Vec::new() } else { vec![format!("tenant-{n}")] },
            },
        })
        .collect();
    Some(Classifier::for_templates(&slos, &templates))
}

fn request(c: &mut Criterion) {
    let exchange = Exchange {
        method: Method::Get,
        endpoint: EndpointId(0),
        tenant: TenantId::NONE,
        violates: None,
        status: Status(200),
        flags: ResponseFlags(0),
        grpc: None,
        duration_ns: Some(12_345_678),
        request_bytes: Some(0),
        response_bytes: Some(512),
        upstream: UpstreamFacts::default(),
    };
    for (name, slos) in [("no SLO", 0), ("50 SLOs, 5 match", SLOS)] {
        let Some(classifier) = classifier(slos) else { return };
        c.bench_function(&format!("slo/request, {name}"), |b| {
            b.iter(|| {
                let group = classifier.tenant(black_box(Some(b"acme")));
                classifier.classify(black_box(&exchange), group, |slo, verdict| {
                    black_box((slo, verdict));
                });
            });
        });
    }
    let mut pending = Pending::default();
    c.bench_function("slo/record a duration", |b| b.iter(|| pending.record(black_box(12_345_678))));
}

fn tick(c: &mut Criterion) {
    let Some(objective) = objective() else { return };
    let mut windows = vec![Windows::new(Duration::from_days(30)); SLOS];
    let (mut now, mut totals) = (0, Tally::default());
    let mut step = |windows: &mut [Windows]| {
        now += TICK;
        totals = Tally { events: totals.events + 12_345, bad: totals.bad + 7 };
        windows.iter_mut().for_each(|windows| windows.observe(now, totals));
    };
    (0..40 * 8640).step_by(60).for_each(|_| step(&mut windows));
    c.bench_function("slo/tick of 50 SLOs, windows", |b| b.iter(|| step(&mut windows)));
    c.bench_function("slo/tick of 50 SLOs, reports", |b| {
        b.iter(|| {
            windows.iter().map(|w| Report::new(w, objective).window(Window::Period).burn.0).sum::<u64>()
        });
    });
    c.bench_function("slo/tick of 50 SLOs, state", |b| {
        b.iter(|| {
            step(&mut windows);
            let mut bytes = 0;
            for windows in &mut windows {
                windows.save(|page, value| {
                    bytes += black_box((page, value)).1.len();
                    true
                });
            }
            bytes
        });
    });
    let mut pending = Pending::default();
    (0..1000).for_each(|n| pending.record(n * n * 10_000));
    let page = SlicePage::at(0);
    let stored = pending.merged(page, None);
    let mut hour = LastHour::default();
    c.bench_function("slo/p99 of one SLO", |b| {
        b.iter(|| {
            let merged = pending.merged(page, Some(&stored));
            hour.refresh(0, |_| Some(merged.clone()));
            hour.p99_ns()
        });
    });
}

criterion_group!(benches, request, tick);
criterion_main!(benches);
