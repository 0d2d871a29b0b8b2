use super::*;
use crate::memory_host::MemoryHost;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const TICK: u64 = 10_000_000_000;

fn fleet(fingerprint: u64, host: &mut MemoryHost) -> Fleet {
    let mut fleet = Fleet::new(&Keys::new("shop"), TICK);
    fleet.prepare(fingerprint, host).unwrap();
    fleet
}

fn tick(fleet: &mut Fleet, now: u64, host: &mut MemoryHost) -> Standing {
    host.now_ns = now;
    fleet.tick(now, host).unwrap()
}

const LEADS: Standing = Standing::Alive { leads: true };
const FOLLOWS: Standing = Standing::Alive { leads: false };

#[test]
fn one_leads_and_another_takes_over_within_three_ticks_of_its_death() {
    let host = &mut MemoryHost::default();
    let (mut a, mut b) = (fleet(1, host), fleet(1, host));
    for n in 1..10 {
        assert_eq!(tick(&mut a, n * TICK, host), LEADS);
        assert_eq!(tick(&mut b, n * TICK + TICK / 2, host), FOLLOWS);
    }
    // `a` ticks no more after 9 ticks.
    assert_eq!(tick(&mut b, 10 * TICK + TICK / 2, host), FOLLOWS);
    assert_eq!(tick(&mut b, 11 * TICK + TICK / 2, host), LEADS);
    assert_eq!(tick(&mut a, 12 * TICK, host), FOLLOWS, "late, it finds another in its place");
}

#[test]
fn a_later_configuration_takes_the_lease_at_once_and_an_earlier_one_never_takes_it_back_while_it_lasts() {
    let host = &mut MemoryHost::default();
    let mut old = fleet(1, host);
    assert_eq!(tick(&mut old, TICK, host), LEADS);
    let (mut new, mut twin) = (fleet(2, host), fleet(2, host));
    assert_eq!(tick(&mut new, TICK + 1, host), LEADS);
    assert_eq!(tick(&mut old, 2 * TICK, host), FOLLOWS);
    assert_eq!(tick(&mut twin, 2 * TICK, host), FOLLOWS, "the same configuration is no later one");
    // The new configuration is gone: the old one is better than nobody.
    assert_eq!(tick(&mut old, 3 * TICK, host), FOLLOWS);
    assert_eq!(tick(&mut old, 4 * TICK, host), LEADS);
}

#[test]
fn a_member_is_gone_after_three_silent_ticks_and_not_before() {
    let host = &mut MemoryHost::default();
    let (mut a, mut b) = (fleet(1, host), fleet(1, host));
    let gone = b.join(host).unwrap();
    for n in 1..=3 {
        tick(&mut a, n * TICK, host);
        assert_eq!(a.gone(n * TICK, host).unwrap(), [], "{n}");
    }
    tick(&mut b, 3 * TICK, host);
    for n in 4..=5 {
        tick(&mut a, n * TICK, host);
        assert_eq!(a.gone(n * TICK, host).unwrap(), []);
    }
    tick(&mut a, 6 * TICK, host);
    let expected = [Gone { member: gone, epoch: 2 }];
    assert_eq!(a.gone(6 * TICK, host).unwrap(), expected);
    assert_eq!(a.gone(6 * TICK, host).unwrap(), expected, "as long as it is silent");
    assert_eq!(tick(&mut b, 6 * TICK, host), Standing::Revived(2));
    assert_eq!(a.gone(6 * TICK, host).unwrap(), []);
    assert_eq!(tick(&mut b, 7 * TICK, host), FOLLOWS);
}

#[test]
fn nobody_is_taken_for_dead_where_the_whole_process_stood_still() {
    let host = &mut MemoryHost::default();
    let (mut a, mut b) = (fleet(1, host), fleet(1, host));
    for n in 1..4 {
        tick(&mut a, n * TICK, host);
        tick(&mut b, n * TICK, host);
    }
    let woken = 1000 * TICK;
    assert_eq!(tick(&mut a, woken, host), LEADS);
    assert_eq!(a.gone(woken, host).unwrap(), []);
    assert_eq!(tick(&mut b, woken, host), FOLLOWS);
    tick(&mut a, woken + TICK, host);
    assert_eq!(a.gone(woken + TICK, host).unwrap(), []);
}

#[test]
fn a_slot_is_used_again_when_nobody_can_be_late_by_so_much() {
    let host = &mut MemoryHost::default();
    let (mut a, mut b) = (fleet(1, host), fleet(1, host));
    a.join(host).unwrap();
    let first = b.join(host).unwrap();
    for n in 1..=4 {
        tick(&mut a, n * TICK, host);
    }
    assert_eq!(a.gone(4 * TICK, host).unwrap().len(), 1);
    host.now_ns = 5 * TICK;
    assert_eq!(fleet(1, host).join(host).unwrap(), Member { slot: 2, since: 1 }, "too early");
    host.now_ns = 64 * TICK;
    let heir = fleet(1, host).join(host).unwrap();
    assert_eq!(heir, Member { slot: first.slot, since: 3 });
    assert_eq!(tick(&mut b, 65 * TICK, host), Standing::Replaced);
    assert_eq!(b.join(host).unwrap(), Member { slot: 3, since: 1 });
}

#[test]
fn services_do_not_meet() {
    let host = &mut MemoryHost::default();
    let mut shop = fleet(1, host);
    let mut other = Fleet::new(&Keys::new("other"), TICK);
    other.prepare(1, host).unwrap();
    assert_eq!(tick(&mut shop, TICK, host), LEADS);
    assert_eq!(tick(&mut other, TICK, host), LEADS);
}

#[test]
fn without_shared_data_nothing_is_known() {
    let host = &mut MemoryHost::default();
    let mut lone = fleet(1, host);
    host.refuses_shared = Some(HostStatus(10));
    assert_eq!(lone.tick(TICK, host), Err(HostStatus(10)));
    host.refuses_shared = None;
    assert_eq!(tick(&mut lone, 2 * TICK, host), LEADS);
}
