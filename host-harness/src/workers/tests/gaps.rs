use super::*;

#[test]
fn a_gap_for_which_no_ticks_are_left_is_ticked_through_at_its_ends_only() {
    let guest = Guest::default()
        .on("proxy_on_configure", &["set_tick_period_milliseconds 10"])
        .on("proxy_on_tick", &["log 2 'tick'"]);
    let config = GatewayConfig { max_idle_ticks: 100, ..GatewayConfig::default() };
    let mut gateway = guest.start(config).unwrap();
    let times = |gateway: &Gateway| -> Vec<u64> {
        let log = gateway.log().take();
        let worker = log.into_iter().filter(|line| line.vm == VmRole::Worker(0) && line.text == "tick");
        worker.map(|line| line.time_ns / MS).collect()
    };
    times(&gateway);
    // The main thread's VM and one worker: eight periods are free, 84 ticks of the budget are used.
    gateway.advance_to(500 * MS).unwrap();
    assert_eq!((times(&gateway).len(), gateway.jumps()), (50, 0));
    gateway.advance_to(1_000_000_005 * MS).unwrap();
    let ends = [510, 520, 530, 540, 550, 560, 570, 580, 999_999_990, 1_000_000_000];
    assert_eq!((times(&gateway), gateway.jumps()), (ends.to_vec(), 1));
    // A gap that took nothing of the budget leaves it to a shorter one.
    gateway.advance_to(1_000_000_165 * MS).unwrap();
    assert_eq!((times(&gateway).len(), gateway.jumps()), (16, 1));
    gateway.advance_to(1_000_000_325 * MS).unwrap();
    assert_eq!((times(&gateway).len(), gateway.jumps()), (10, 2));
    gateway.advance_to(1_000_000_425 * MS).unwrap();
    assert_eq!((times(&gateway).len(), gateway.jumps()), (10, 2), "there was nothing to leave out");
}

#[test]
fn a_timer_that_is_made_faster_in_a_gap_takes_no_more_than_the_gap_was_given() {
    let guest = Guest::default()
        .on("proxy_on_configure", &["define_metric 0 'ticks' OUT", "set_tick_period_milliseconds 1000000"])
        .on("proxy_on_tick", &["increment_metric 4 1:i64", "set_tick_period_milliseconds 1"]);
    let config = GatewayConfig { max_idle_ticks: 10_000_000, ..GatewayConfig::default() };
    let mut gateway = guest.start(config).unwrap();
    gateway.advance_to(10_000_000_000 * MS).unwrap();
    // Ten thousand periods and two VMs.
    assert!(counter(&gateway, "ticks") <= 20_000 + 4, "{}", counter(&gateway, "ticks"));
    assert_eq!((gateway.jumps(), gateway.now_ns()), (1, 10_000_000_000 * MS));
}
