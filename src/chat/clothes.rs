//! What the server itself says to one client, in the clothes of the channel that it hears.

use super::channel::Hears;
use super::client::Client;
use super::rules::PROGRAM;
use super::web::{door, encoding};

/// The channel of clients that send and read C strings.
pub const STRINGS: Hears = 0;
/// The channel of clients that send and read lines.
pub const LINES: Hears = 1;
/// The channel of clients that send and read WebSocket frames.
pub const FRAMES: Hears = 2;
/// The channel of browsers that are not in the room, or not yet: nothing is ever said there.
pub const LOBBY: Hears = 3;

/// What is said to one client of a channel.
pub fn told(hears: Hears, what: &str) -> Vec<u8> {
    match hears {
        FRAMES => encoding::notice(what),
        _ => ended(hears, &PROGRAM.says(what)),
    }
}

/// A text with what ends it, for C strings or lines.
pub fn ended(hears: Hears, text: &str) -> Vec<u8> {
    let end = if hears == LINES { '\n' } else { '\0' };
    format!("{text}{end}").into_bytes()
}

/// The last words to a client that has left, `what` being what it is to know.
pub fn last_words(client: &Client, what: Option<&str>) -> Vec<u8> {
    match client.hears {
        LOBBY => Vec::new(),
        FRAMES => door::last_words(client, what),
        hears => what.map(|what| told(hears, what)).unwrap_or_default(),
    }
}

/// The last words to one that reads too slowly and has not taken `rest`.
pub fn too_slow(hears: Hears, rest: &[u8], what: &str) -> Vec<u8> {
    match hears {
        FRAMES => door::too_slow(rest, what),
        // It stopped in the middle of a line, or of a string, most likely: that is ended first.
        _ => [ended(hears, ""), told(hears, what)].concat(),
    }
}
