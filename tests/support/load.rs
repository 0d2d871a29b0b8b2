//! Load in the background: lanes that send their calls again and again until they are told to stop.

use super::World;
use super::client::{Call, Client};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::task::JoinHandle;

/// What came back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Whole answers by status.
    pub answers: BTreeMap<u16, u64>,
    /// Calls that were not answered, or not to the end.
    pub cut: u64,
}

impl Tally {
    /// Answers with one status.
    pub fn status(&self, status: u16) -> u64 {
        self.answers.get(&status).copied().unwrap_or(0)
    }

    /// Every call.
    pub fn calls(&self) -> u64 {
        self.answers.values().sum::<u64>() + self.cut
    }
}

/// Lanes that run.
pub struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    lanes: Vec<JoinHandle<Tally>>,
}

impl Load {
    /// Starts as many lanes, each a client that sends `calls` in turn.
    pub fn start(world: &World, address: SocketAddr, lanes: usize, calls: &[Call]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let answered = Arc::new(AtomicU64::new(0));
        let lanes = (0..lanes).map(|lane| {
            let mut calls: Vec<Call> = calls.to_vec();
            let first = lane % calls.len();
            calls.rotate_left(first);
            let (stop, answered) = (stop.clone(), answered.clone());
            world.runtime.spawn(async move {
                let (mut client, mut tally) = (Client::new(address), Tally::default());
                for call in calls.iter().cycle() {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    match client.call(call).await {
                        Ok(answer) if answer.whole => {
                            *tally.answers.entry(answer.status).or_insert(0) += 1;
                            answered.fetch_add(u64::from(answer.status < 500), Ordering::Relaxed);
                        }
                        // Never sent: Envoy had said goodbye on the kept connection.
                        Err(error) if error.is_canceled() => {}
                        _ => tally.cut += 1,
                    }
                }
                tally
            })
        });
        let lanes = lanes.collect();
        Self { stop, answered, lanes }
    }

    /// Waits until so many more calls have been answered, and not by an error.
    pub fn flows(&self, more: u64) {
        let before = self.answered.load(Ordering::Relaxed);
        super::eventually("answers", || {
            (self.answered.load(Ordering::Relaxed) >= before + more).then_some(())
        });
    }

    /// Stops, and adds up.
    pub fn stop(self, world: &World) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        let mut sum = Tally::default();
        for lane in self.lanes {
            let tally = world.runtime.block_on(lane).expect("no lane fails");
            sum.cut += tally.cut;
            for (status, count) in tally.answers {
                *sum.answers.entry(status).or_insert(0) += count;
            }
        }
        sum
    }
}
