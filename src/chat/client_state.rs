//! The state of a client in the chat server, beside its connection.

use super::encoding::Encoding;
use super::nick::Nick;
use crate::hub::connection::Traffic;

#[derive(Debug, Default)]
pub(crate) struct ClientState {
    /// `None` for a browser that has not entered the room.
    pub encoding: Option<Encoding>,
    /// From its messages that were relayed.
    pub nick: Nick,
    /// Its messages, relayed or not, with the NULs that end them.
    pub said: Traffic,
}
