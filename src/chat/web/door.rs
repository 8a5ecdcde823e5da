//! What the messenger's rules know of the third door: who may call it how, what its visitors get, what its clients are told.

use std::net::SocketAddr;

use super::super::channel::Hears;
use super::super::client::{Client, Standing};
use super::super::record::{IDLE, Record, code_of};
use super::super::room::Room;
use super::super::stage::Stage;
use super::super::words;
use super::answer::{Answer, Answers, upgraded};
use super::encoding::{self, Messages};
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
    messages: Messages,
    /// The room's first door.
    room: SocketAddr,
    /// How many are there who are not in the room: they ask for the page, or are about to come in.
    pub visitors: usize,
}

impl Web {
    /// A door at `address` into the room of `room`.
    pub fn at(address: SocketAddr, room: SocketAddr) -> Web {
        let site = Site { port: address.port(), machine: sys::machine_name() };
        Web { site, answers: Answers::of_the_page(), messages: Messages::default(), room, visitors: 0 }
    }

    /// What a client said, as those hear it who hear frames.
    pub fn message(&mut self, record: &Record) -> &[u8] {
        self.messages.frame(record.pid, encoding::now(), record.body)
    }

    /// Gives its memory back, in a child, which has no use for it.
    pub fn forget(&mut self) {
        self.messages.forget();
    }

    /// What a visitor is told that is not let in.
    pub fn refusal(&self, reason: &str) -> Vec<u8> {
        self.answers.refusal(reason)
    }

    /// Lets a visitor into the room, where it hears `channel`. False when it has its answer, and is gone.
    pub fn let_in(&mut self, record: &Record, channel: Hears, stage: &mut Stage) -> bool {
        let Some(client) = visitor(record, stage.room) else { return false };
        // What it says there are words, whatever they begin with.
        client.standing = Standing::Speaks;
        self.visitors -= 1;
        stage.room.move_to(record.pid, channel);
        // It was looked at as it came out of the pipe: base64.
        let accept = String::from_utf8_lossy(record.body);
        let greeting = [upgraded(&accept), encoding::hello(record.pid, self.room)].concat();
        stage.room.tell(record.pid, &greeting, stage.now);
        true
    }

    /// Gives a visitor its answer, and prints which, if that `is_told`. False when it has one already, and for an answer that there
    /// is not.
    pub fn answer(&self, record: &Record, is_told: bool, stage: &mut Stage) -> bool {
        let Some(answer) = record.body.first().copied().and_then(Answer::numbered) else { return false };
        let Some(client) = visitor(record, stage.room) else { return false };
        if matches!(answer, Answer::ForeignHost | Answer::ForeignOrigin) {
            stage.parent.err.line(words::foreign_visitor(client, answer == Answer::ForeignHost));
        } else if is_told {
            stage.parent.out.line(words::answered(client, answer.status()));
        }
        stage.room.send_away(record.pid, self.answers.bytes(answer));
        true
    }
}

/// Who has written `record`, if it has no answer yet.
fn visitor<'a>(record: &Record, room: &'a mut Room) -> Option<&'a mut Client> {
    room.client(record.pid).filter(|client| client.sent_away.is_none())
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
