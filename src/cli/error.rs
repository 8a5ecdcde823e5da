//! A clap error as one line.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command};

use super::Language::{self, English, French};
use super::parsers::Expected;

/// The error, then the usage.
pub fn one_line(error: &clap::Error, command: &Command, language: Language) -> String {
    let text = describe(error, language, &default_port(command)) + &port_hint(error, command, language);
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    language.pick(
        format!("{text} ; usage : {usage} (tout est expliqué par --help)"),
        format!("{text}; usage: {usage} (--help explains it all)"),
    )
}

/// For a number that is not expected, where a port is an option and no argument.
fn port_hint(error: &clap::Error, command: &Command, language: Language) -> String {
    let number = error.get(ContextKind::InvalidArg).map(ContextValue::to_string).unwrap_or_default();
    let has = |find: fn(&Arg) -> bool| command.get_arguments().any(find);
    let takes_port = has(|argument| argument.get_long() == Some("port"));
    let has_taken_port = has(|argument| argument.get_id() == "at_port");
    let is_port = error.kind() == ErrorKind::UnknownArgument && number.parse::<u16>().is_ok();
    match is_port && takes_port && !has_taken_port {
        true => language.pick(format!(" (un port : --port {number})"), format!(" (a port: --port {number})")),
        false => String::new(),
    }
}

/// That of the server, for an example in a [`reason`].
fn default_port(command: &Command) -> String {
    let port = command
        .get_arguments()
        .find(|argument| ["server_port", "port"].contains(&argument.get_id().as_str()));
    let default = port.and_then(|port| port.get_default_values().first());
    default.map(|default| default.display().to_string()).unwrap_or_default()
}

fn describe(error: &clap::Error, language: Language, port: &str) -> String {
    use ErrorKind::{ArgumentConflict, InvalidUtf8, InvalidValue, MissingRequiredArgument};
    use ErrorKind::{TooManyValues, UnknownArgument, ValueValidation};
    let context = |kind| error.get(kind).map(ContextValue::to_string).unwrap_or_default();
    let argument = context(ContextKind::InvalidArg);
    let prior = context(ContextKind::PriorArg);
    let value = context(ContextKind::InvalidValue);
    match (language, error.kind(), reason(error, language, port)) {
        (French, UnknownArgument, _) => format!("« {argument} » n'est pas attendu"),
        (French, MissingRequiredArgument, _) => format!("il manque {argument}"),
        (French, ArgumentConflict, _) if prior == argument => format!("{argument} est donné deux fois"),
        (French, ArgumentConflict, _) => format!("{argument} ne va pas avec {prior}"),
        (French, InvalidValue | ValueValidation, Some(reason)) => {
            format!("{argument} : « {value} » refusé : {reason}")
        }
        (French, InvalidValue | ValueValidation, None) => format!("{argument} : il manque une valeur"),
        (French, TooManyValues, _) => format!("{argument} ne prend pas de valeur"),
        (French, InvalidUtf8, _) => "un argument n'est pas en UTF-8".to_string(),
        (French, ..) => "ligne de commande incomprise".to_string(),
        (English, UnknownArgument, _) => format!("\"{argument}\" is not expected"),
        (English, MissingRequiredArgument, _) => format!("{argument} is missing"),
        (English, ArgumentConflict, _) if prior == argument => format!("{argument} is given twice"),
        (English, ArgumentConflict, _) => format!("{argument} does not go with {prior}"),
        (English, InvalidValue | ValueValidation, Some(reason)) => {
            format!("{argument}: \"{value}\" refused: {reason}")
        }
        (English, InvalidValue | ValueValidation, None) => format!("{argument}: a value is missing"),
        (English, TooManyValues, _) => format!("{argument} takes no value"),
        (English, InvalidUtf8, _) => "an argument is not UTF-8".to_string(),
        (English, ..) => "command line not understood".to_string(),
    }
}

/// The value parser's reason; `None` where there was no value.
fn reason(error: &clap::Error, language: Language, port: &str) -> Option<String> {
    let source = std::error::Error::source(error)?;
    Some(match source.downcast_ref::<Expected>() {
        Some(expected) => expected.text(language).replace("{port}", port),
        None => source.to_string(),
    })
}
