//! A mistake on a command line, in one line.

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::{Expected, Language};

/// What clap found wrong, and how the program is used.
pub fn one_line(error: &clap::Error, command: &Command, language: Language) -> String {
    let what = match language {
        Language::French => in_french(error),
        Language::English => in_english(error),
    };
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    match language {
        Language::French => format!("{what} ; usage : {usage} (tout est expliqué par --help)"),
        Language::English => format!("{what}; usage: {usage} (--help explains it all)"),
    }
}

fn in_french(error: &clap::Error) -> String {
    let argument = context(error, ContextKind::InvalidArg);
    match error.kind() {
        ErrorKind::UnknownArgument => format!("« {argument} » n'est pas attendu"),
        ErrorKind::MissingRequiredArgument => format!("il manque {argument}"),
        ErrorKind::ArgumentConflict => match context(error, ContextKind::PriorArg) {
            prior if prior == argument => format!("{argument} est donné deux fois"),
            prior => format!("{argument} ne va pas avec {prior}"),
        },
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => match reason(error, Language::French) {
            Some(reason) => {
                let value = context(error, ContextKind::InvalidValue);
                format!("{argument} : « {value} » refusé : {reason}")
            }
            None => format!("{argument} : il manque une valeur"),
        },
        ErrorKind::TooManyValues => format!("{argument} ne prend pas de valeur"),
        ErrorKind::InvalidUtf8 => "un argument n'est pas en UTF-8".to_string(),
        _ => "ligne de commande incomprise".to_string(),
    }
}

fn in_english(error: &clap::Error) -> String {
    let argument = context(error, ContextKind::InvalidArg);
    match error.kind() {
        ErrorKind::UnknownArgument => format!("\"{argument}\" is not expected"),
        ErrorKind::MissingRequiredArgument => format!("{argument} is missing"),
        ErrorKind::ArgumentConflict => match context(error, ContextKind::PriorArg) {
            prior if prior == argument => format!("{argument} is given twice"),
            prior => format!("{argument} does not go with {prior}"),
        },
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => match reason(error, Language::English) {
            Some(reason) => {
                let value = context(error, ContextKind::InvalidValue);
                format!("{argument}: \"{value}\" refused: {reason}")
            }
            None => format!("{argument}: a value is missing"),
        },
        ErrorKind::TooManyValues => format!("{argument} takes no value"),
        ErrorKind::InvalidUtf8 => "an argument is not UTF-8".to_string(),
        _ => "command line not understood".to_string(),
    }
}

fn context(error: &clap::Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        _ => String::new(),
    }
}

/// Why a value parser refused; `None` where there was no value to refuse.
fn reason(error: &clap::Error, language: Language) -> Option<String> {
    let source = std::error::Error::source(error)?;
    let expected = source.downcast_ref::<Expected>();
    Some(expected.map_or_else(|| source.to_string(), |expected| expected.in_words(language)))
}
