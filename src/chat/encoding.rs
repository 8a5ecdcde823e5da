//! What the server itself says to one client, in the clothes of the channel that it hears.

use super::server::PROGRAM;
use super::web::{endpoint, ws_encode};
use crate::hub::channel::ChannelId;
use crate::hub::connection::Connection;

/// The channel of clients that send and read C strings.
pub const STRINGS: ChannelId = 0;
/// The channel of clients that send and read lines.
pub const LINES: ChannelId = 1;
/// The channel of clients that send and read WebSocket frames.
pub const FRAMES: ChannelId = 2;
/// The channel of browsers that are not in the room, or not yet: nothing is ever said there.
pub const LOBBY: ChannelId = 3;

/// What is said to one client of a channel.
pub fn notified(channel_id: ChannelId, what: &str) -> Vec<u8> {
    match channel_id {
        FRAMES => ws_encode::notice(what),
        _ => ended(channel_id, &PROGRAM.says(what)),
    }
}

/// A text with what ends it, for C strings or lines.
pub fn ended(channel_id: ChannelId, text: &str) -> Vec<u8> {
    let end = if channel_id == LINES { '\n' } else { '\0' };
    format!("{text}{end}").into_bytes()
}

/// The last words to a client that has left, `what` being what it is to know.
pub fn last_words(client: &Connection, what: Option<&str>) -> Vec<u8> {
    match client.channel_id {
        LOBBY => Vec::new(),
        FRAMES => endpoint::last_words(client, what),
        channel_id => what.map(|what| notified(channel_id, what)).unwrap_or_default(),
    }
}

/// The last words to one that reads too slowly and has not taken `rest`.
pub fn too_slow(channel_id: ChannelId, rest: &[u8], what: &str) -> Vec<u8> {
    match channel_id {
        FRAMES => endpoint::too_slow(rest, what),
        // It stopped in the middle of a line, or of a string, most likely: that is ended first.
        _ => [ended(channel_id, ""), notified(channel_id, what)].concat(),
    }
}
