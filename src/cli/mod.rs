//! Command lines: parsed by clap, with help and errors in the program's language, an error in one
//! line.

mod error;
mod hardening_args;
mod listen_args;
mod parsers;
mod program;

pub use hardening_args::HardeningArgs;
pub use listen_args::{ListenArgs, PerAddress};
pub use parsers::{Expected, address, local_socket, number};
pub use program::Program;

/// The language of a program's texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// `chat_*` and `relay_*`.
    French,
    /// The others.
    English,
}
