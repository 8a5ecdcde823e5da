//! What the messenger's rules know of the third door: who may call it how, what its visitors get, what its clients are told.

use std::net::SocketAddr;

use super::super::client::Client;
use super::super::record::{IDLE, code_of};
use super::answer::{Answer, Answers};
use super::encoding;
use super::request::Site;
use crate::sys;

/// The client broke a rule of this server: RFC 6455, 7.4.1.
const POLICY: u16 = 1008;
/// The server ends: the same.
const GOING_AWAY: u16 = 1001;
/// The server itself has failed: the same.
const INTERNAL: u16 = 1011;
/// There is too much of it, for now: IANA's WebSocket Close Code Number Registry.
const TRY_AGAIN_LATER: u16 = 1013;

/// The third door.
#[derive(Debug)]
pub struct Web {
    /// How visitors may call it.
    pub site: Site,
    answers: Answers,
    /// The room's first door.
    room: SocketAddr,
    /// How many are there who are not in the room: they ask for the page, or are about to come in.
    pub visitors: usize,
}

impl Web {
    /// A door at `address` into the room of `room`.
    pub fn at(address: SocketAddr, room: SocketAddr) -> Web {
        let site = Site { port: address.port(), machine: sys::machine_name() };
        Web { site, answers: Answers::of_the_page(), room, visitors: 0 }
    }

    /// The bytes of an answer.
    pub fn answer(&self, answer: Answer) -> Vec<u8> {
        self.answers.bytes(answer)
    }

    /// The same for a visitor that is not let in.
    pub fn refusal(&self, reason: &str) -> Vec<u8> {
        self.answers.refusal(reason)
    }

    /// What a client hears as it enters the room.
    pub fn greeting(&self, client: &Client, accept: &[u8]) -> Vec<u8> {
        // It was looked at as it came out of the pipe: base64.
        let accept = String::from_utf8_lossy(accept);
        [super::answer::upgraded(&accept), encoding::hello(client.pid, self.room)].concat()
    }
}

/// The last words to a client that was in the room, `told` being what else it is to know.
pub fn last_words(client: &Client, told: Option<&str>) -> Vec<u8> {
    let code = match client.left {
        Some(IDLE) => POLICY,
        None => INTERNAL,
        Some(left) => match code_of(left) {
            Some(code) => code,
            // It has ended its side, or is gone.
            None => return Vec::new(),
        },
    };
    [told.map(encoding::notice).unwrap_or_default(), encoding::close(code)].concat()
}

/// The last words to a client that reads too slowly and has not taken `rest`: nothing where they would stand in the middle of
/// something else.
pub fn too_slow(rest: &[u8], told: &str) -> Vec<u8> {
    if rest.is_empty() {
        return Vec::new();
    }
    [encoding::rest_of_frame(rest), &encoding::notice(told), &encoding::close(TRY_AGAIN_LATER)].concat()
}

/// The last words as the server ends.
pub fn stopping() -> Vec<u8> {
    encoding::close(GOING_AWAY)
}
