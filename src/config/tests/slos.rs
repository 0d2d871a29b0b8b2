//! Service level objectives.

use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn objectives_are_exact() {
    for (written, ppm, printed) in [
        (json!(99.9), 999_000, "99.9"),
        (json!("99.9"), 999_000, "99.9"),
        (json!(99), 990_000, "99"),
        (json!(99.0), 990_000, "99"),
        (json!("99.9999"), 999_999, "99.9999"),
        (json!("0.0001"), 1, "0.0001"),
        (json!(5.25), 52_500, "5.25"),
        (json!("99.90000"), 999_000, "99.9"),
    ] {
        let objective = Objective::parse(&written).unwrap();
        assert_eq!((objective.ppm(), objective.to_string().as_str()), (ppm, printed));
        assert_eq!(objective.ppm() + objective.budget_ppm(), 1_000_000);
    }
    for bad in
        [json!(0), json!(100), json!(-1), json!("99.99999"), json!("1e1"), json!(""), json!("."), json!(true)]
    {
        assert_eq!(Objective::parse(&bad), None, "{bad}");
    }
}

#[test]
fn slos_are_read_with_their_defaults() {
    // Read at its own level, for what is left beside a mistake.
    let document = json!([{"name": "a", "objective": 99.9, "sli": {"availability": {}}},
                          {"name": "a", "objective": 99, "sli": {"latency": {"threshold": "300ms"}}},
                          {"name": "b", "objective": 99, "period": "7d", "sli": {"latency": {"threshold": "300ms"}},
                           "where": {"method": ["GET", "_OTHER"], "endpoint": ["_other"], "tenant": ["acme"]}}]);
    let mut errors = ConfigErrors::default();
    let sources = vec![ValueSource::Query("tenant".to_owned())];
    let tenant = Tenant { sources, allow: Vec::new(), max: 1, isolation: None };
    let slos = slo::read_all(Some(Node::root(&document)), (&Endpoints::default(), &tenant), &mut errors);
    assert_eq!(errors.to_string().lines().count(), 1, "{errors}");
    assert!(errors.to_string().ends_with("a second SLO with the name a"), "{errors}");
    assert_eq!(slos.len(), 2);
    assert_eq!(slos[0].period, Duration::from_days(30));
    assert!(matches!(&slos[0].sli, Sli::Availability { bad_status, bad_grpc }
        if bad_status == &[crate::exchange::StatusMatch::Class(5)] && bad_grpc == &[2, 4, 12, 13, 14, 15]));
    assert_eq!(slos[1].filter.tenant, ["acme"]);
}
