//! `redline generate`, for `make dist`: a folder in; shell completions and manual pages in it out.

use super::{Done, Failure};
use clap_complete::Shell;
use clap_mangen::Man;
use std::path::{Path, PathBuf};

/// The shells that complete Redline's commands.
const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

/// Write shell completions to DIR/completions and manual pages to DIR/man
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder to write to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Writes the files; what else is in the folder stays.
pub fn run(args: &Args) -> Result<Done, Failure> {
    let completions = made(args.out.join("completions"))?;
    for shell in SHELLS {
        let written = clap_complete::generate_to(shell, &mut super::command(), "redline", &completions);
        written.map_err(failed(&completions))?;
    }
    let man = made(args.out.join("man"))?;
    let mut command = super::command().disable_help_subcommand(true);
    command.build();
    pages(&command, &man)?;
    Ok(Done::Good)
}

/// The pages of a command and of those below it.
fn pages(command: &clap::Command, folder: &Path) -> Result<(), Failure> {
    for below in command.get_subcommands() {
        pages(below, folder)?;
    }
    let page = Man::new(command.clone()).source(concat!("redline ", env!("CARGO_PKG_VERSION")));
    page.generate_to(folder).map(|_| ()).map_err(failed(folder))
}

fn made(folder: PathBuf) -> Result<PathBuf, Failure> {
    std::fs::create_dir_all(&folder).map_err(failed(&folder))?;
    Ok(folder)
}

fn failed(folder: &Path) -> impl FnOnce(std::io::Error) -> Failure {
    let path = folder.display().to_string();
    move |source| Failure::Write { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::process::Command;

    fn generated() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        run(&Args { out: folder.path().to_owned() }).unwrap();
        folder
    }

    fn read(folder: &Path, name: &str) -> String {
        std::fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// `redline-render-istio` and so on, of every command that a user sees.
    fn names(command: &clap::Command, name: &str) -> BTreeSet<String> {
        let below =
            command.get_subcommands().flat_map(|sub| names(sub, &format!("{name}-{}", sub.get_name())));
        below.chain([name.to_owned()]).collect()
    }

    #[test]
    fn every_command_has_a_manual_page_and_what_is_hidden_has_none() {
        let folder = generated();
        let files: BTreeSet<String> = std::fs::read_dir(folder.path().join("man"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let names = names(&crate::commands::command(), "redline");
        assert_eq!(files, names.iter().map(|name| format!("{name}.1")).collect());
        for name in ["redline", "redline-check", "redline-render-istio", "redline-schema"] {
            assert!(names.contains(name), "{name}");
        }
        for name in names {
            let page = read(folder.path(), &format!("man/{name}.1"));
            let head = format!(".TH {name} 1  \"redline {}\"", env!("CARGO_PKG_VERSION"));
            assert!(page.contains(&head), "{name}:\n{page}");
            assert!(page.contains(".SH SYNOPSIS") && !page.contains("generate"), "{name}:\n{page}");
        }
    }

    #[test]
    fn every_shell_completes_the_commands_and_their_options() {
        let folder = generated();
        for name in ["redline.bash", "_redline", "redline.fish"] {
            let script = read(folder.path(), &format!("completions/{name}"));
            for word in ["check", "replay", "doctor", "schema", "envoy-stats", "verify", "prometheus"] {
                assert!(script.contains(word), "{word} in {name}");
            }
            // `demo` alone is part of a help text.
            for hidden in ["generate", "--seconds"] {
                assert!(!script.contains(hidden), "{hidden} in {name}");
            }
        }
        let bash =
            Command::new("bash").arg("-n").arg(folder.path().join("completions/redline.bash")).output();
        let bash = bash.expect("bash");
        assert!(bash.status.success(), "{}", String::from_utf8_lossy(&bash.stderr));
    }

    #[test]
    fn bash_offers_the_commands_that_begin_with_what_is_typed() {
        let folder = generated();
        let script = "source completions/redline.bash; COMP_WORDS=(redline re); COMP_CWORD=1; \
                      _redline redline re redline; echo \"${COMPREPLY[*]}\"";
        let bash =
            Command::new("bash").args(["-c", script]).current_dir(folder.path()).output().expect("bash");
        assert_eq!(String::from_utf8_lossy(&bash.stdout).trim(), "render replay");
    }
}
