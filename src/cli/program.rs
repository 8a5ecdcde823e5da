//! A program's frame: parse the command line, run, report an error, exit.

use std::io::ErrorKind;
use std::process::ExitCode;

use clap::{Arg, ArgAction, Command, Parser};

use super::client_args::check_ports;
use super::{Language, error, help};
use crate::sys;
use crate::text::visible;

/// Exit status for an invalid command line.
const USAGE: u8 = 2;

#[derive(Clone, Copy, Debug)]
pub struct Program {
    pub name: &'static str,
    pub language: Language,
}

impl Program {
    pub const fn french(name: &'static str) -> Program {
        Program { name, language: Language::French }
    }

    pub const fn english(name: &'static str) -> Program {
        Program { name, language: Language::English }
    }

    /// Parses the command line and calls `work`. Exit status: 0 (also after `--help` and
    /// `--version`); 1 after an error, 2 for an invalid command line, with one line on stderr.
    pub fn run<P: Parser>(self, work: impl FnOnce(P) -> anyhow::Result<()>) -> ExitCode {
        let outcome = match self.parse() {
            Ok(arguments) => work(arguments),
            Err(status) => return status,
        };
        let Err(error) = outcome else { return ExitCode::SUCCESS };
        self.complain(&self.language.reasons(&error));
        ExitCode::FAILURE
    }

    fn parse<P: Parser>(self) -> Result<P, ExitCode> {
        let mut command = self.localized(P::command());
        let matches = command.try_get_matches_from_mut(std::env::args_os());
        let matches = matches.and_then(|matches| check_ports(&matches).map(|()| matches));
        matches.and_then(|matches| P::from_arg_matches(&matches)).map_err(|error| {
            if !error.use_stderr() {
                // Help or version. A reader that has read enough is no error to be told.
                let Err(reason) = error.print() else { return ExitCode::SUCCESS };
                if reason.kind() != ErrorKind::BrokenPipe {
                    let (french, english) =
                        ("impossible d'écrire sur la sortie standard", "cannot write to standard output");
                    let error = anyhow::Error::from(reason).context(self.language.pick(french, english));
                    self.complain(&self.language.reasons(&error));
                }
                return ExitCode::FAILURE;
            }
            self.complain(&error::one_line(&error, &command, self.language));
            ExitCode::from(USAGE)
        })
    }

    /// Adds the options and texts common to all programs.
    fn localized(self, command: Command) -> Command {
        let (usage, help, version) = self.language.pick(
            ("Usage : {usage}", "Affiche cette aide", "Affiche la version"),
            ("Usage: {usage}", "Print this help", "Print the version"),
        );
        let option = |name, short, action| Arg::new(name).long(name).short(short).action(action);
        help::localized(command, self.language)
            .name(self.name)
            .version(env!("CARGO_PKG_VERSION"))
            .help_template(format!("{{about}}\n\n{usage}\n\n{{all-args}}{{after-help}}"))
            .disable_help_flag(true)
            .disable_version_flag(true)
            .arg(option("help", 'h', ArgAction::Help).help(help).display_order(200))
            .arg(option("version", 'V', ArgAction::Version).help(version).display_order(201))
    }

    /// `line` after the program's name.
    pub fn says(self, line: &str) -> String {
        let colon = self.language.pick(" :", ":");
        format!("{}{colon} {line}", self.name)
    }

    /// Prints one line on standard error, however slow its reader. Once this process was asked to
    /// end, a line that would block (a terminal held by Ctrl+S) is dropped.
    pub fn complain(self, line: &str) {
        // One write, so that the lines of two processes do not mix.
        let line = format!("{}\n", self.says(&visible(line.as_bytes())));
        let _ = sys::write_until_asked_to_end(std::io::stderr(), line.as_bytes());
    }
}
