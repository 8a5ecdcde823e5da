//! Command lines: clap finds out what is wrong, and this says it in one line.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory, Parser};

use crate::sys;
use crate::text::visible;

/// What `--help` looks like.
pub const HELP_TEMPLATE: &str = "{about}\n\nUsage : {usage}\n\n{all-args}{after-help}";

/// The status for a command line that makes no sense.
const USAGE: u8 = 2;

/// Reads the command line, or says in one line what is wrong with it.
///
/// # Errors
/// The status to end with: 0 after `--help` and `--version`, 2 after a mistake.
pub fn parse<P: Parser + CommandFactory>() -> Result<P, ExitCode> {
    P::try_parse_from(std::env::args_os().collect::<Vec<OsString>>()).map_err(|error| {
        if !error.use_stderr() {
            // Help on a full disk or a closed pipe: nobody can be told but by the status.
            return if error.print().is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
        let command = P::command();
        complain(command.get_name(), &mistake(&error, &command));
        ExitCode::from(USAGE)
    })
}

/// One line on standard error, in the program's name. What cannot be said there at once cannot be said: a terminal
/// that is held must not keep a program from ending.
pub fn complain(program: &str, line: &str) {
    // One write per line, so that the lines of two processes do not mix.
    let line = format!("{program} : {}\n", visible(line.as_bytes()));
    if sys::is_writable_now(std::io::stderr()) {
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}

/// Ends a program: its error in one line, if it had one, and the status.
pub fn finish(program: &str, outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // "{:#}": what was being done, then the system's reason.
            complain(program, &format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// A value parser for whole numbers from `least` to `most`, which says so when it gets something else.
pub fn number(least: u64, most: u64) -> impl Fn(&str) -> Result<u64, String> + Clone {
    move |typed: &str| match typed.parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(format!("un nombre de {least} à {most} est attendu")),
    }
}

fn mistake(error: &clap::Error, command: &Command) -> String {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        _ => String::new(),
    };
    let argument = context(ContextKind::InvalidArg);
    let what = match error.kind() {
        ErrorKind::UnknownArgument => format!("« {argument} » n'est pas attendu"),
        ErrorKind::MissingRequiredArgument => format!("il manque {argument}"),
        ErrorKind::ArgumentConflict => match context(ContextKind::PriorArg) {
            prior if prior == argument => format!("{argument} est donné deux fois"),
            prior => format!("{argument} ne va pas avec {prior}"),
        },
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let value = context(ContextKind::InvalidValue);
            match std::error::Error::source(error) {
                Some(reason) => format!("{argument} : « {value} » refusé : {reason}"),
                None => format!("{argument} : il manque une valeur"),
            }
        }
        ErrorKind::TooManyValues => format!("{argument} ne prend pas de valeur"),
        ErrorKind::InvalidUtf8 => "un argument n'est pas en UTF-8".to_string(),
        _ => "ligne de commande incomprise".to_string(),
    };
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    format!("{what} ; usage : {usage} (tout est expliqué par --help)")
}
