//! For tests, with the feature `fault-injection` only: a VM that traps or stalls when a request asks for it.
//!
//! `x-redline-fault: trap` traps in the request's own VM, `stall=1500` keeps its thread busy for as many milliseconds. `kill-leader`
//! leaves a word in shared data, on which whoever holds the lease traps at its next tick, be it the main thread's VM,
//! which no request can reach. VMs also say how much memory they have, and how often they allocated some.

use crate::attributes::header_pairs;
use crate::shared::{Host, Keys};
use crate::stat_name;

const HEADER: &[u8] = b"x-redline-fault";
const LEADER: &[u8] = b"kill-leader";

/// What a request asks of its own VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Trap now.
    Trap,
    /// Do nothing else for so long.
    Stall {
        /// Milliseconds.
        ms: u64,
    },
}

/// What is asked for in one VM.
#[derive(Debug)]
pub struct Faults {
    service: String,
    key: Vec<u8>,
    /// Streams that this VM has seen: the main thread's sees none.
    streams: u64,
}

impl Faults {
    /// The faults of a service.
    pub fn new(service: &str) -> Self {
        Self { service: service.to_owned(), key: Keys::new(service).one("fault"), streams: 0 }
    }

    /// The stat name of the gauge in which a VM publishes how much memory it has.
    pub fn memory_gauge(&self) -> String {
        stat_name::encode("redline_fault_memory_bytes", [("service", self.service.as_str())])
    }

    /// The stat name of the counter in which VMs add up how often they allocated memory.
    pub fn allocations_counter(&self) -> String {
        stat_name::encode("redline_fault_allocations_total", [("service", self.service.as_str())])
    }

    /// Looks at a request's headers: what to do now.
    pub fn on_request(&mut self, headers: &[u8], host: &mut impl Host) -> Option<Fault> {
        self.streams = self.streams.saturating_add(1);
        let (_, asked) = header_pairs(headers).find(|(name, _)| *name == HEADER)?;
        if asked == b"trap" {
            return Some(Fault::Trap);
        }
        if let Some(ms) = asked.strip_prefix(b"stall=") {
            return Some(Fault::Stall { ms: std::str::from_utf8(ms).ok()?.parse().ok()? });
        }
        let _shared_data_is_there_in_tests = host.write(&self.key, asked);
        None
    }

    /// Looks at what requests left; whether to trap now, and what to say before.
    pub fn on_tick(&mut self, leads: bool, host: &mut impl Host) -> Option<String> {
        let (asked, _) = host.read(&self.key).ok()?;
        if !leads || asked != LEADER {
            return None;
        }
        let _shared_data_is_there_in_tests = host.write(&self.key, b"");
        Some(format!("fault: the leader traps after {} streams", self.streams))
    }
}
