use super::InProgress;
use crate::config::Config;
use crate::fleet::{Fleet, Standing};
use crate::memory_host::MemoryHost;
use crate::metric::Kind;
use crate::recorder::{Recorder, Stream};
use crate::shared::Keys;
use crate::sink::MetricSink;
use serde_json::json;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const TICK: u64 = 10_000_000_000;
const GAUGE: &str = "http_requests_in_progress.service=.=shop;.;method=.=GET;.;endpoint=.=/a;.;";
const OTHER: &str = "http_requests_in_progress.service=.=shop;.;method=.=GET;.;endpoint=.=_other;.;";

/// A VM with one recorder, and its open streams.
struct Vm {
    recorder: Recorder,
    open: Vec<Stream>,
}

impl Vm {
    fn start(host: &mut MemoryHost) -> Self {
        let document = json!({"service": "shop", "endpoints": {"templates": ["/a"]}});
        let mut recorder = Recorder::new(&Config::from_value(&document).unwrap());
        recorder.start(1, host);
        Self { recorder, open: Vec::new() }
    }

    fn begin(&mut self, path: &str, host: &mut MemoryHost) {
        host.request_headers =
            MemoryHost::with_headers(&[(":method", "GET"), (":path", path)]).request_headers;
        let mut stream = Stream::New;
        self.recorder.begin(&mut stream, true, host);
        self.open.push(stream);
    }

    fn end(&mut self, host: &mut MemoryHost) {
        if let Some(mut stream) = self.open.pop() {
            self.recorder.finish(&mut stream, host);
        }
    }
}

fn ticks<'a>(vms: impl IntoIterator<Item = &'a mut Vm>, host: &mut MemoryHost) {
    host.now_ns += TICK;
    for vm in vms {
        assert_eq!(vm.recorder.tick(host).warning, None);
    }
}

#[test]
fn what_a_dead_vm_had_in_progress_is_taken_back_once_within_four_ticks() {
    let host = &mut MemoryHost::default();
    let (mut a, mut b) = (Vm::start(host), Vm::start(host));
    ticks([&mut a, &mut b], host);
    a.begin("/a", host);
    for _ in 0..3 {
        b.begin("/a", host);
    }
    b.begin("/x", host);
    b.end(host);
    b.begin("/x", host);
    assert_eq!((host.value(GAUGE), host.value(OTHER)), (Some(4), Some(1)));
    drop(b);
    for _ in 0..4 {
        ticks([&mut a], host);
    }
    assert_eq!((host.value(GAUGE), host.value(OTHER)), (Some(1), Some(0)));
    for _ in 0..10 {
        ticks([&mut a], host);
    }
    a.end(host);
    assert_eq!((host.value(GAUGE), host.value(OTHER)), (Some(0), Some(0)));
}

#[test]
fn whoever_leads_may_die_too() {
    let host = &mut MemoryHost::default();
    let mut vms: Vec<Vm> = (0..3).map(|_| Vm::start(host)).collect();
    ticks(&mut vms, host);
    for vm in &mut vms {
        vm.begin("/a", host);
    }
    // The first to tick leads.
    vms.remove(0);
    for _ in 0..4 {
        ticks(&mut vms, host);
    }
    assert_eq!(host.value(GAUGE), Some(2));
}

#[test]
fn a_vm_that_was_only_late_finds_its_count_again() {
    let host = &mut MemoryHost::default();
    let (mut a, mut b) = (Vm::start(host), Vm::start(host));
    ticks([&mut a, &mut b], host);
    b.begin("/a", host);
    b.begin("/a", host);
    for _ in 0..5 {
        ticks([&mut a], host);
    }
    assert_eq!(host.value(GAUGE), Some(0));
    b.begin("/a", host);
    b.begin("/a", host);
    b.begin("/a", host);
    ticks([&mut a, &mut b], host);
    assert_eq!(host.value(GAUGE), Some(5));
    for _ in 0..5 {
        b.end(host);
    }
    assert_eq!(host.value(GAUGE), Some(0));
    for _ in 0..9 {
        ticks([&mut a], host);
    }
    assert_eq!(host.value(GAUGE), Some(0), "nothing is taken back of nothing");
}

#[test]
fn a_vm_that_is_replaced_in_its_slot_moves_to_another() {
    let host = &mut MemoryHost::default();
    let (mut a, mut b) = (Vm::start(host), Vm::start(host));
    ticks([&mut a, &mut b], host);
    b.begin("/a", host);
    ticks([&mut a, &mut b], host);
    for _ in 0..65 {
        ticks([&mut a], host);
    }
    let mut heir = Vm::start(host);
    heir.begin("/a", host);
    assert_eq!(host.value(GAUGE), Some(1));
    ticks([&mut a, &mut b, &mut heir], host);
    assert_eq!(host.value(GAUGE), Some(2));
    drop(b);
    for _ in 0..4 {
        ticks([&mut a, &mut heir], host);
    }
    assert_eq!(host.value(GAUGE), Some(1));
}

#[test]
fn without_shared_data_the_gauge_still_moves_and_the_loss_is_counted() {
    let host = &mut MemoryHost::default();
    host.refuses_shared = Some(crate::attributes::HostStatus(10));
    let mut vm = Vm::start(host);
    vm.begin("/a", host);
    assert_eq!(host.value(GAUGE), Some(1));
    vm.end(host);
    assert_eq!(host.value(GAUGE), Some(0));
    let dropped = "redline_dropped_total.service=.=shop;.;reason=.=shared_data_conflict;.;";
    assert!(host.value(dropped) > Some(0));
    // When it is back, the rows find a slot.
    vm.begin("/a", host);
    host.refuses_shared = None;
    vm.recorder.start(1, host);
    ticks([&mut vm], host);
    let mut other = Vm::start(host);
    ticks([&mut vm, &mut other], host);
    drop(vm);
    for _ in 0..4 {
        ticks([&mut other], host);
    }
    assert_eq!(host.value(GAUGE), Some(0));
}

#[test]
fn a_leader_that_is_too_late_takes_nothing_from_one_that_came_back() {
    let host = &mut MemoryHost::default();
    let keys = Keys::new("shop");
    let (mut leader, mut owner) = (Fleet::new(&keys, TICK), Fleet::new(&keys, TICK));
    leader.prepare(1, host).unwrap();
    let mut rows = InProgress::new(&keys);
    host.now_ns = TICK;
    leader.tick(host.now_ns, host).unwrap();
    rows.move_to(owner.join(host).unwrap(), host).unwrap();
    owner.tick(host.now_ns, host).unwrap();
    for _ in 0..4 {
        host.now_ns += TICK;
        leader.tick(host.now_ns, host).unwrap();
    }
    let gone = leader.gone(host.now_ns, host).unwrap();
    assert_eq!(gone.len(), 1);
    // Between the leader's two steps the owner comes to life and a stream begins on a gauge that is new to it.
    let Ok(Standing::Revived(epoch)) = owner.tick(host.now_ns, host) else { panic!("it was settled") };
    rows.revive(epoch, host).unwrap();
    let gauge = host.define(Kind::Gauge, GAUGE).unwrap();
    let row = rows.add_row(gauge, GAUGE, host).unwrap();
    assert!(rows.enter(row, host).gauge);
    InProgress::new(&keys).settle_all(&gone, host).unwrap();
    assert_eq!(host.value(GAUGE), Some(1));
    rows.leave(row, host);
    assert_eq!(host.value(GAUGE), Some(0));
}

#[test]
fn rows_of_another_prefix_are_settled_and_what_is_no_row_of_ours_is_left_alone() {
    let host = &mut MemoryHost::default();
    let keys = Keys::new("shop");
    let (mut leader, mut owner) = (Fleet::new(&keys, TICK), Fleet::new(&keys, TICK));
    leader.prepare(1, host).unwrap();
    let mut rows = InProgress::new(&keys);
    rows.move_to(owner.join(host).unwrap(), host).unwrap();
    let names = [["edge_", GAUGE].concat(), "somebodys_gauge.x".to_owned()];
    let gauges = names.map(|name| {
        let gauge = host.define(Kind::Gauge, &name).unwrap();
        let row = rows.add_row(gauge, &name, host).unwrap();
        rows.enter(row, host);
        name
    });
    for _ in 0..5 {
        host.now_ns += TICK;
        leader.tick(host.now_ns, host).unwrap();
    }
    let gone = leader.gone(host.now_ns, host).unwrap();
    InProgress::new(&keys).settle_all(&gone, host).unwrap();
    assert_eq!(gauges.map(|name| host.value(&name)), [Some(0), Some(1)]);
}

#[cfg(not(target_family = "wasm"))]
mod any_order {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Begin(usize),
        End(usize),
        Tick(usize),
        /// Time passes for all.
        Wait(u64),
        Crash(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..4_usize).prop_map(Step::Begin),
            3 => (0..4_usize).prop_map(Step::End),
            6 => (0..4_usize).prop_map(Step::Tick),
            2 => (1..15_u64).prop_map(Step::Wait),
            1 => (0..4_usize).prop_map(Step::Crash),
        ]
    }

    proptest! {
        #[test]
        fn once_all_have_ticked_for_a_while_the_gauge_is_what_is_open(steps in prop::collection::vec(step(), 1..200)) {
            let host = &mut MemoryHost::default();
            let mut vms: Vec<Vm> = (0..4).map(|_| Vm::start(host)).collect();
            for step in steps {
                match step {
                    Step::Begin(vm) => vms[vm].begin(if vm % 2 == 0 { "/a" } else { "/x" }, host),
                    Step::End(vm) => vms[vm].end(host),
                    Step::Tick(vm) => drop(vms[vm].recorder.tick(host)),
                    Step::Wait(tenths) => host.now_ns += tenths * TICK / 4,
                    Step::Crash(vm) => vms[vm] = Vm::start(host),
                }
            }
            // A settled slot that was quiet is looked at every sixteenth time.
            for _ in 0..24 {
                ticks(&mut vms, host);
            }
            let open: usize = vms.iter().map(|vm| vm.open.len()).sum();
            let gauge = host.value(GAUGE).unwrap_or(0).wrapping_add(host.value(OTHER).unwrap_or(0));
            prop_assert_eq!(gauge, open as u64);
            while let Some(vm) = vms.iter_mut().find(|vm| !vm.open.is_empty()) {
                vm.end(host);
            }
            prop_assert_eq!(host.value(GAUGE).unwrap_or(0), 0);
            prop_assert_eq!(host.value(OTHER).unwrap_or(0), 0);
        }
    }
}
