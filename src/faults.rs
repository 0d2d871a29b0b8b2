//! For tests, with the feature `fault-injection` only: a VM that traps when a request asks for it.
//!
//! `x-redline-fault: trap` traps in the request's own VM. `x-redline-fault: kill-leader` leaves a word in shared data,
//! on which whoever holds the lease traps at its next tick, be it the main thread's VM, which no request can reach.

use crate::attributes::header_pairs;
use crate::shared::{Host, Keys};

const HEADER: &[u8] = b"x-redline-fault";
const LEADER: &[u8] = b"kill-leader";

/// What is asked for in one VM.
#[derive(Debug)]
pub struct Faults {
    key: Vec<u8>,
    /// Streams that this VM has seen: the main thread's sees none.
    streams: u64,
}

impl Faults {
    /// The faults of a service.
    pub fn new(service: &str) -> Self {
        Self { key: Keys::new(service).one("fault"), streams: 0 }
    }

    /// Looks at a request's headers; whether to trap now.
    pub fn on_request(&mut self, headers: &[u8], host: &mut impl Host) -> bool {
        self.streams = self.streams.saturating_add(1);
        match header_pairs(headers).find(|(name, _)| *name == HEADER) {
            Some((_, b"trap")) => true,
            Some((_, value)) => {
                let _shared_data_is_there_in_tests = host.write(&self.key, value);
                false
            }
            None => false,
        }
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
