//! Traffic of every kind, and how Envoy says that each kind ended: so that none can silently become another.

mod calls;
mod ends;
mod leaving;
mod odd;
mod tunnels;

pub use calls::polite;

use super::World;
use super::client::{Call, Client, Version, send_all};
use super::native::Row;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// Each messy kind of stream so many times over each protocol.
pub const EACH: usize = 20;

/// What was sent: of each kind over each protocol how many streams.
#[derive(Debug, Default)]
pub struct Sent(BTreeMap<(String, String), u64>);

impl Sent {
    /// Notes streams of one kind.
    pub fn add(&mut self, kind: &str, protocol: &str, streams: usize) {
        *self.0.entry((kind.to_owned(), protocol.to_owned())).or_default() += streams as u64;
    }

    /// All of them.
    pub fn streams(&self) -> u64 {
        self.0.values().sum()
    }

    /// Fails where a kind did not end as it does, or Envoy logged more or fewer of it. How each ends is that of 1.40:
    /// older ones refuse other requests and have other words, which is nobody's miscount.
    pub fn assert_ended(&self, rows: &[Row]) {
        if super::envoy_minor() < 40 {
            let logged: u64 = rows.iter().map(|row| row.streams).sum();
            assert_eq!(logged, self.streams());
            return;
        }
        for ((kind, protocol), streams) in &self.0 {
            let ends = ends::of(kind, protocol);
            let of_kind = || rows.iter().filter(|row| row.kind == *kind && row.protocol == *protocol);
            let logged: u64 = of_kind().map(|row| row.streams).sum();
            let seen: BTreeSet<String> = of_kind().map(Row::end).collect();
            assert_eq!(logged, *streams, "{kind} over {protocol}: {seen:?}");
            assert!(seen.contains(ends[0]), "{kind} over {protocol} never ended in {:?}: {seen:?}", ends[0]);
            assert!(seen.iter().all(|end| ends.contains(&end.as_str())), "{kind} over {protocol}: {seen:?}");
        }
    }
}

/// What [`Row::protocol`] says of a client's version.
fn protocol(version: Version) -> &'static str {
    match version {
        Version::H1 => "HTTP/1.1",
        Version::H2 => "HTTP/2",
    }
}

/// Sends the whole mix, of which so many requests are polite.
pub fn send(world: &World, address: SocketAddr, polite_requests: usize) -> Sent {
    let mut sent = Sent::default();
    world.runtime.block_on(send_all(address, 8, &polite(polite_requests, &mut sent)));
    for batch in calls::messy(&mut sent).chunks(100) {
        world.runtime.block_on(send_each(address, batch));
    }
    leaving::send(world, address, &mut sent);
    tunnels::send(world, address, &mut sent);
    odd::send(address, &mut sent);
    sent
}

/// Sends calls at once, each over a connection of its own. Some end in an error: that is what they are for.
async fn send_each(address: SocketAddr, calls: &[Call]) {
    let send = |call: Call| tokio::spawn(async move { Client::new(address).call(&call).await.map(|_| ()) });
    let tasks: Vec<_> = calls.iter().cloned().map(send).collect();
    for task in tasks {
        let _ended = task.await.expect("no panic");
    }
}
