//! Users who were seen in, how many different ones there were in the last while out.
//!
//! [`Census`] is what a recorder keeps. One [`Window`] a tenant: five sub-windows, each a [`Sketch`] of the users that were seen in it. Sketches of
//! several workers merge into what one worker that had seen everything would hold, in any order and any number of
//! times: they can be exchanged through Envoy's shared data. Nothing here knows who a user is, only hashes.
//!
//! Of our own, since no crate has it all: exact counts while they are small, a bound on memory that holds in 32-bit
//! Wasm too, no tables of bias corrections (tens of KB of module), and bytes that anybody may have written.

mod census;
mod estimate;
mod registers;
mod sketch;
mod window;

pub use census::Census;
pub use sketch::Sketch;
pub use window::{SUB_WINDOWS, SubWindow, Window};

use std::hash::{DefaultHasher, Hasher};

/// The hash under which a user is counted: SipHash-1-3 of the key and the value.
///
/// The key, which clients do not know, keeps them from choosing names that fall into one register, or into the
/// highest: either would bend the count. A hash is never shown to anybody, so a secret prefix does what SipHash's own
/// key does, and std's implementation can be used. Its algorithm may change with the compiler: hashes are compared
/// among the VMs of one module in one process only, and never outlive it.
pub fn hash(key: [u8; 16], value: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(&key);
    hasher.write(value);
    hasher.finish()
}

#[cfg(test)]
mod tests;
