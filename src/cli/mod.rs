//! Command lines: parsed by clap; help and one-line errors in the program's language.

mod catalogue;
mod client_args;
mod error;
mod help;
mod host;
mod listen_args;
mod parsers;
mod program;

pub(crate) use catalogue::catalogue;
pub use client_args::{ClientArgs, ServerArg};
pub use host::{Host, host, host_to_listen_on, look_up};
pub use listen_args::{ListenArgs, ServerArgs};
pub(crate) use parsers::scoped_address;
pub use parsers::{local_socket, number, parsed, timeout};
pub use program::Program;

use crate::sys::{lacks_descriptors, plain_reason};

/// The language of a program's texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// `chat_*` and `relay_*`.
    French,
    /// The others.
    English,
}

impl Language {
    pub fn pick<T>(self, french: T, english: T) -> T {
        match self {
            Language::French => french,
            Language::English => english,
        }
    }

    /// An error with its context and the system's reason, as "{:#}" shows them, in words.
    pub fn reasons(self, error: &anyhow::Error) -> String {
        let reasons: Vec<String> = error.chain().map(plain_reason).collect();
        let hint = match error.chain().any(lacks_descriptors) {
            true => {
                self.pick(" (la limite est trop basse : ulimit -n)", " (the limit is too low: ulimit -n)")
            }
            false => "",
        };
        reasons.join(self.pick(" : ", ": ")) + hint
    }
}
