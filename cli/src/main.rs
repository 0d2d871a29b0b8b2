//! The `redline` command.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    redline_cli::commands::main(std::env::args_os())
}
