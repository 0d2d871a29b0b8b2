use super::*;
use crate::memory_host::MemoryHost;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn roster(max: u32, host: &mut MemoryHost) -> Roster<Box<str>> {
    let roster = Roster::new(&Keys::new("shop"), "tenant", max);
    roster.prepare(host).unwrap();
    roster
}

fn names(roster: &Roster<Box<str>>) -> Vec<&str> {
    roster.entries.iter().map(|entry| &**entry).collect()
}

#[test]
fn every_vm_gives_the_same_entry_the_same_number() {
    let host = &mut MemoryHost::default();
    let (mut one, mut other) = (roster(100, host), roster(100, host));
    for n in 0..50 {
        let (first, second) = if n % 2 == 0 { (&mut one, &mut other) } else { (&mut other, &mut one) };
        assert_eq!(first.admit(format!("tenant-{n}").into(), host), Ok(Some(n)));
        if n % 3 == 0 {
            assert_eq!(second.admit(format!("tenant-{n}").into(), host), Ok(Some(n)), "known already");
        }
    }
    one.refresh(host);
    other.refresh(host);
    assert_eq!(names(&one), names(&other));
    assert_eq!(one.find("tenant-7"), Some(7));
    assert_eq!(one.get(49).map(|name| &**name), Some("tenant-49"));
}

#[test]
fn a_full_list_is_final_and_costs_no_look_up() {
    let host = &mut MemoryHost::default();
    let (mut one, mut other) = (roster(17, host), roster(17, host));
    for n in 0..40 {
        let admitted = one.admit(format!("{n}").into(), host).unwrap();
        assert_eq!(admitted, (n < 17).then_some(n));
    }
    assert_eq!(other.admit("late".into(), host), Ok(None));
    assert_eq!(names(&one), names(&other));
    host.refuses_shared = Some(HostStatus(10));
    assert_eq!(other.admit("late".into(), host), Ok(None));
    assert_eq!(other.admit("3".into(), host), Ok(Some(3)));
}

#[test]
fn a_later_configuration_keeps_what_was_admitted_with_less_room_and_with_more() {
    let host = &mut MemoryHost::default();
    let mut first = roster(20, host);
    for n in 0..20 {
        first.admit(format!("{n}").into(), host).unwrap();
    }
    let mut smaller = roster(5, host);
    smaller.refresh(host);
    assert_eq!((smaller.len(), smaller.is_full()), (20, true));
    let mut larger = roster(40, host);
    for n in 20..50 {
        let admitted = larger.admit(format!("{n}").into(), host).unwrap();
        assert_eq!(admitted, (n < 40).then_some(n));
    }
}

#[test]
fn without_shared_data_each_vm_keeps_its_own_list() {
    let host = &mut MemoryHost::default();
    let mut roster = roster(2, host);
    host.refuses_shared = Some(HostStatus(10));
    assert_eq!(roster.admit("a".into(), host), Ok(Some(0)));
    assert_eq!(roster.admit("b".into(), host), Ok(Some(1)));
    assert_eq!(roster.admit("a".into(), host), Ok(Some(0)));
    assert_eq!(roster.admit("c".into(), host), Ok(None));
}

#[test]
fn bytes_that_are_no_entries_end_a_page() {
    let host = &mut MemoryHost::default();
    let mut roster = roster(20, host);
    for broken in [&b"\xff"[..], b"\xff\xff\xff\xff", b"\x02\0\0\0\xff\xfe", b"\x05\0\0\0abc"] {
        SharedData::write(host, b"shop/redline1/roster/tenant/0", broken).unwrap();
        roster.refresh(host);
        assert_eq!(roster.len(), 0, "{broken:?}");
    }
}
