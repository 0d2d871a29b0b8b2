//! A demonstration without anything of the user's: an upstream of our own, and a bounded load for it.

pub mod body;
pub mod load;
pub mod mix;
pub mod upstream;

pub use load::{Load, Sent};
pub use upstream::Upstream;

use crate::document::{Document, DocumentError};

/// The example configuration's place in the checkout; the demo uses it as it is.
pub const CONFIG: &str = "envoy/redline.example.yaml";

/// The example configuration, as it was when the program was built.
pub fn document() -> Result<Document, DocumentError> {
    Document::from_text(CONFIG, include_str!("../../envoy/redline.example.yaml"))
}
