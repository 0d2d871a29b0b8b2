use super::*;
use crate::memory_host::MemoryHost;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const MINUTE: u64 = 60_000_000_000;
const ACME: Option<TenantId> = Some(TenantId::OTHER);

/// Several VMs of one Envoy, the first of which publishes.
struct Envoy {
    host: MemoryHost,
    vms: Vec<Census>,
}

impl Envoy {
    fn start(vms: usize) -> Self {
        let mut host = MemoryHost::default();
        let vm = |_| Census::new(&Keys::new("shop"), Duration::from_secs(15 * 60));
        let vms: Vec<Census> = (0..vms).map(vm).collect();
        for vm in &vms {
            vm.prepare(&mut host).unwrap();
        }
        Self { host, vms }
    }

    fn seen(&mut self, vm: usize, tenant: TenantId, user: &str) {
        let hash = self.vms[vm].hash(user.as_bytes(), &mut self.host).unwrap();
        self.vms[vm].seen(tenant, hash, &mut self.host);
    }

    /// All tick; what the first then says of a tenant.
    fn tick(&mut self, tenants: u32, of: TenantId) -> Option<u64> {
        let now = self.host.now_ns;
        for vm in &mut self.vms {
            vm.tick(now, &mut self.host).unwrap();
        }
        let counts = self.vms[0].count(tenants, now, &mut self.host);
        counts.iter().find(|(tenant, _)| *tenant == of).map(|(_, count)| *count)
    }
}

#[test]
fn a_user_whom_two_workers_see_is_one() {
    let mut envoy = Envoy::start(3);
    let acme = ACME.unwrap();
    for user in 0..60 {
        envoy.seen(1, acme, &format!("user-{user}"));
        envoy.seen(2, acme, &format!("user-{}", user + 30));
    }
    assert_eq!(envoy.tick(0, acme), Some(90));
    assert_eq!(envoy.tick(0, acme), Some(90));
    assert_eq!(envoy.tick(0, TenantId::NONE), None, "nobody was ever seen of it");
}

#[test]
fn the_window_slides_and_forgets() {
    let mut envoy = Envoy::start(2);
    let acme = ACME.unwrap();
    let mut seen = Vec::new();
    for minute in 0..40 {
        envoy.host.now_ns = minute * MINUTE;
        // Ticks tell sub-windows apart.
        envoy.tick(0, acme);
        if minute < 20 {
            envoy.seen(1, acme, &format!("user-{minute}"));
        }
        seen.push(envoy.tick(0, acme).unwrap());
    }
    // One a minute: 13 to 15 of them are in the window, in steps of the sub-windows' 3 minutes.
    assert!(seen[15..20].iter().all(|users| (13..=15).contains(users)), "{seen:?}");
    assert_eq!(seen[0], 1);
    assert_eq!(seen[39], 0, "{seen:?}");
}

#[test]
fn what_a_vm_that_died_had_told_is_still_known_and_a_new_publisher_reads_it() {
    let mut envoy = Envoy::start(3);
    let acme = ACME.unwrap();
    envoy.seen(0, acme, "a");
    envoy.seen(2, acme, "b");
    assert_eq!(envoy.tick(0, acme), Some(2));
    envoy.vms.remove(0);
    envoy.vms.remove(1);
    assert_eq!(envoy.tick(0, acme), Some(2));
}

#[test]
fn very_many_tenants_take_turns() {
    let mut envoy = Envoy::start(2);
    let tenant = |n| TenantId::numbered(n).unwrap();
    for n in 0..1200 {
        envoy.seen(1, tenant(n), "somebody");
    }
    let now = envoy.host.now_ns;
    envoy.vms[1].tick(now, &mut envoy.host).unwrap();
    let turns: Vec<usize> = (0..4)
        .map(|_| {
            let counts = envoy.vms[0].count(1200, now, &mut envoy.host);
            assert!(counts.iter().all(|(_, users)| *users == 1));
            counts.len()
        })
        .collect();
    assert_eq!(turns, [500, 500, 200, 500]);
}

#[test]
fn the_secret_is_the_same_for_all_vms_and_another_in_another_process() {
    let mut envoy = Envoy::start(2);
    let [one, two] = [0, 1].map(|vm| envoy.vms[vm].hash(b"ann", &mut envoy.host).unwrap());
    assert_eq!(one, two);
    let mut other = Envoy::start(1);
    other.host.random();
    let secret = [7_u8; 16];
    SharedData::write(&mut other.host, b"shop/redline1/users", &secret).unwrap();
    assert_ne!(other.vms[0].hash(b"ann", &mut other.host).unwrap(), one);
}

#[test]
fn garbage_in_shared_data_is_replaced() {
    let mut envoy = Envoy::start(2);
    let acme = ACME.unwrap();
    let key = envoy.vms[0].sketch_key(acme, 0);
    SharedData::write(&mut envoy.host, &key, b"garbage").unwrap();
    envoy.seen(1, acme, "a");
    assert_eq!(envoy.tick(0, acme), Some(1));
}
