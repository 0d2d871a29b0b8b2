//! A demonstration without anything of the user's: an upstream of our own, and a bounded load for it.

pub mod body;
pub mod load;
pub mod mix;
pub mod signals;
pub mod upstream;

pub use load::{Load, Sent};
pub use upstream::Upstream;

use crate::document::{Document, DocumentError};

/// The place of the demo's configuration in the checkout.
pub const CONFIG: &str = "envoy/profiles/ml-platform.yaml";

/// The demo's configuration, as it was when the program was built.
pub fn document() -> Result<Document, DocumentError> {
    Document::from_text(CONFIG, include_str!("../../envoy/profiles/ml-platform.yaml"))
}
