//! A program's frame: parse the command line, run, report an error, exit.

use std::io::Write;
use std::process::ExitCode;

use clap::{Arg, ArgAction, Command, Parser};

use super::{Language, error, listen_args};
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

    /// Parses the command line and calls `work`. Returns the exit status: 0 (also after `--help`
    /// and `--version`), 1 after an error, 2 for an invalid command line, both with one line on
    /// stderr.
    pub fn run<P: Parser>(self, work: impl FnOnce(P) -> anyhow::Result<()>) -> ExitCode {
        match self.parse() {
            Ok(arguments) => self.finish(work(arguments)),
            Err(status) => status,
        }
    }

    fn parse<P: Parser>(self) -> Result<P, ExitCode> {
        let mut command = self.localized(P::command());
        let matches = command.try_get_matches_from_mut(std::env::args_os());
        matches.and_then(|matches| P::from_arg_matches(&matches)).map_err(|error| {
            if !error.use_stderr() {
                // Printing help fails on a full disk or a closed pipe.
                return if error.print().is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
            }
            self.complain(&error::one_line(&error, &command, self.language));
            ExitCode::from(USAGE)
        })
    }

    /// Adds the options and texts common to all programs.
    fn localized(self, command: Command) -> Command {
        let (template, help, version) = match self.language {
            Language::French => ("Usage : {usage}", "Affiche cette aide", "Affiche la version"),
            Language::English => ("Usage: {usage}", "Print this help", "Print the version"),
        };
        listen_args::localized(command, self.language)
            .name(self.name)
            .version(env!("CARGO_PKG_VERSION"))
            .help_template(format!("{{about}}\n\n{template}\n\n{{all-args}}{{after-help}}"))
            .disable_help_flag(true)
            .disable_version_flag(true)
            .arg(Arg::new("help").short('h').long("help").action(ArgAction::Help).help(help))
            .arg(Arg::new("version").short('V').long("version").action(ArgAction::Version).help(version))
    }

    /// `line` after the program's name.
    pub fn says(self, line: &str) -> String {
        match self.language {
            Language::French => format!("{} : {line}", self.name),
            Language::English => format!("{}: {line}", self.name),
        }
    }

    /// Prints one line on standard error, unless that would block: a terminal held by Ctrl+S must
    /// not keep a program from ending.
    pub fn complain(self, line: &str) {
        // One write, so that the lines of two processes do not mix.
        let line = format!("{}\n", self.says(&visible(line.as_bytes())));
        if sys::is_writable_now(std::io::stderr()) {
            let _ = std::io::stderr().write_all(line.as_bytes());
        }
    }

    fn finish(self, outcome: anyhow::Result<()>) -> ExitCode {
        match outcome {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                // "{:#}": the context, then the system's reason.
                self.complain(&format!("{error:#}"));
                ExitCode::FAILURE
            }
        }
    }
}
