//! Arguments in; a command's output and exit code out.

pub mod backtest;
pub mod check;
pub mod demo;
pub mod doctor;
mod failure;
pub mod generate;
pub mod render;
pub mod replay;
pub mod run;
pub mod schema;
pub mod slo;
pub mod top;
mod traffic;

pub use failure::{Done, Failure};

use crate::harmless::harmless_lines;
use clap::{CommandFactory, Parser, Subcommand};
use std::ffi::OsString;
use std::io::{BufWriter, Write};
use std::process::ExitCode;

/// Request, tenant and SLO metrics for Envoy and Istio gateways, as one Wasm filter.
#[derive(Debug, Parser)]
#[command(name = "redline", version, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Args),
    Render(render::Args),
    Run(run::Args),
    Replay(replay::Args),
    Backtest(backtest::Args),
    Slo(slo::Args),
    Doctor(doctor::Args),
    Top(top::Args),
    Schema(schema::Args),
    #[command(hide = true)]
    Demo(demo::Args),
    #[command(hide = true)]
    Generate(generate::Args),
}

/// Says what is valid, but hardly meant.
fn warn(warning: &str) {
    // Where nobody reads standard error, nobody is to be warned.
    let _printed = writeln!(std::io::stderr(), "warning: {warning}");
}

/// The command line as a user sees it, without what is hidden.
pub fn command() -> clap::Command {
    let all = Cli::command();
    let shown: Vec<clap::Command> = all.get_subcommands().filter(|one| !one.is_hide_set()).cloned().collect();
    let mut command =
        clap::Command::new("redline").version(env!("CARGO_PKG_VERSION")).subcommand_required(true);
    if let Some(about) = all.get_about() {
        command = command.about(about.clone());
    }
    command.subcommands(shown)
}

/// Runs one command; the exit code is 0, or 1 where a check failed, or 2 with the reason on standard error.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are errors too, with code 0. Where they cannot be printed, nobody reads them.
            let _printed = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let mut out = BufWriter::new(std::io::stdout().lock());
    let result = match cli.command {
        Command::Check(args) => check::run(&args, &mut out),
        Command::Render(args) => render::run(&args, &mut out),
        Command::Run(args) => run::run(&args, &mut out),
        Command::Replay(args) => replay::run(&args, &mut out),
        Command::Backtest(args) => backtest::run(&args, &mut out),
        Command::Slo(args) => slo::run(&args, &mut out),
        Command::Doctor(args) => doctor::run(&args, &mut out),
        Command::Top(args) => top::run(&args, &mut out),
        Command::Schema(args) => schema::run(&args, &mut out),
        Command::Demo(args) => demo::run(&args, &mut out),
        Command::Generate(args) => generate::run(&args),
    };
    let flushed = out.flush().map_err(Failure::from);
    match result.and_then(|done| flushed.map(|()| done)) {
        Ok(Done::Good) => ExitCode::SUCCESS,
        Ok(Done::CheckFailed) => ExitCode::from(1),
        // `redline … | head`: who reads has enough.
        Err(failure) if failure.is_closed_output() => ExitCode::SUCCESS,
        Err(failure) => {
            let _printed = writeln!(std::io::stderr(), "{}", harmless_lines(&failure.message()));
            ExitCode::from(2)
        }
    }
}
