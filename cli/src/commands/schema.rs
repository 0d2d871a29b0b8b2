//! `redline schema`: nothing in, the configuration's JSON Schema out.

use super::{Done, Failure};
use std::io::Write;

/// Print the configuration's JSON Schema, for editors: `# yaml-language-server: $schema=FILE`
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Prints the schema.
pub fn run(_: &Args, out: &mut impl Write) -> Result<Done, Failure> {
    out.write_all(crate::schema::text().as_bytes())?;
    Ok(Done::Good)
}
