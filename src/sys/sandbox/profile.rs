/// The work of a child beside reading, writing and waiting, which decides what it may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Writes records to a pipe, prints nothing.
    Records,
    /// Answers its client, prints.
    Talk,
    /// Receives clients over a unix socket, answers them, prints.
    Pair,
    /// Writes a file, answers its client, prints.
    Files,
}
