use super::*;
use crate::memory_host::MemoryHost;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn roster(max: u32, host: &mut MemoryHost) -> Roster<Box<str>> {
    let mut roster = Roster::new(&Keys::new("shop"), "tenant", max);
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
fn a_full_list_learns_what_a_configuration_with_more_room_admitted_meanwhile() {
    let host = &mut MemoryHost::default();
    let mut first = roster(2, host);
    for n in 0..2 {
        first.admit(format!("{n}").into(), host).unwrap();
    }
    let mut larger = roster(40, host);
    for n in 2..35 {
        assert_eq!(larger.admit(format!("{n}").into(), host), Ok(Some(n)));
    }
    assert_eq!((first.find("34"), first.admit("34".into(), host)), (None, Ok(None)));
    first.refresh(host);
    assert_eq!((first.find("34"), first.admit("34".into(), host)), (Some(34), Ok(Some(34))));
    assert_eq!(first.admit("35".into(), host), Ok(None), "it admits no more itself");
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

/// Eight threads that take turns: each waits before every call on shared data until the dice name it, so that a seed
/// is one interleaving, the same in every run.
#[cfg(not(target_family = "wasm"))]
mod interleaved {
    use super::*;
    use crate::shared::Cas;
    use std::collections::BTreeSet;
    use std::sync::{Condvar, Mutex};

    struct Table {
        host: MemoryHost,
        waiting: BTreeSet<usize>,
        /// Threads that have not finished.
        live: usize,
        turn: Option<usize>,
        dice: u64,
    }

    impl Table {
        /// Names the next one as soon as everybody waits.
        fn roll(&mut self) {
            if self.live > 0 && self.waiting.len() == self.live {
                // An LCG (Knuth's MMIX): its high bits are random enough.
                self.dice =
                    self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let place = (self.dice >> 33) as usize % self.waiting.len();
                self.turn = self.waiting.iter().nth(place).copied();
            }
        }
    }

    struct Seat<'t> {
        number: usize,
        table: &'t (Mutex<Table>, Condvar),
    }

    impl Seat<'_> {
        fn in_turn<R>(&self, act: impl FnOnce(&mut MemoryHost) -> R) -> R {
            let (table, changed) = self.table;
            let mut table = table.lock().unwrap();
            table.waiting.insert(self.number);
            table.roll();
            changed.notify_all();
            let mut table = changed.wait_while(table, |table| table.turn != Some(self.number)).unwrap();
            table.turn = None;
            table.waiting.remove(&self.number);
            act(&mut table.host)
        }

        fn leave(&self) {
            let (table, changed) = self.table;
            let mut table = table.lock().unwrap();
            table.live -= 1;
            table.roll();
            changed.notify_all();
        }
    }

    impl SharedData for Seat<'_> {
        fn read(&mut self, key: &[u8]) -> Result<(Vec<u8>, Cas), HostStatus> {
            self.in_turn(|host| host.read(key))
        }
        fn write(&mut self, key: &[u8], value: &[u8]) -> Result<(), HostStatus> {
            self.in_turn(|host| SharedData::write(host, key, value))
        }
        fn swap(&mut self, key: &[u8], value: &[u8], cas: Cas) -> Result<(), HostStatus> {
            self.in_turn(|host| host.swap(key, value, cas))
        }
    }

    /// Eight VMs admit the same values, each in its own order; the tables that they end with.
    fn admit_everywhere(seed: u64, values: u32, max: u32) -> Vec<Vec<Box<str>>> {
        let mut host = MemoryHost::default();
        let rosters: Vec<_> = (0..8).map(|_| roster(max, &mut host)).collect();
        let live = rosters.len();
        let table = Table { host, waiting: BTreeSet::new(), live, turn: None, dice: seed };
        let table = (Mutex::new(table), Condvar::new());
        std::thread::scope(|scope| {
            let threads: Vec<_> = rosters
                .into_iter()
                .enumerate()
                .map(|(number, mut roster)| {
                    let mut seat = Seat { number, table: &table };
                    scope.spawn(move || {
                        for n in 0..values {
                            let value = (n + number as u32 * 61) % values;
                            let admitted = roster.admit(format!("tenant-{value}").into(), &mut seat).unwrap();
                            assert!(admitted.is_some() || roster.is_full());
                        }
                        roster.refresh(&mut seat);
                        seat.leave();
                        roster.entries
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }

    #[test]
    fn whatever_the_interleaving_there_is_one_table_and_no_value_is_lost_or_doubled() {
        for (seed, values) in (0..40).map(|seed| (seed, 40)).chain([(40, 500), (41, 500)]) {
            let tables = admit_everywhere(seed, values, 1000);
            let distinct: BTreeSet<&Box<str>> = tables[0].iter().collect();
            assert_eq!((tables[0].len(), distinct.len()), (values as usize, values as usize), "seed {seed}");
            assert!(tables.iter().all(|table| *table == tables[0]), "seed {seed}");
        }
    }

    #[test]
    fn whatever_the_interleaving_no_more_than_the_most_are_admitted() {
        for seed in 0..40 {
            let tables = admit_everywhere(seed, 60, 25);
            assert!(tables.iter().all(|table| table.len() == 25 && *table == tables[0]), "seed {seed}");
        }
    }
}
