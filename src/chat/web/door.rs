//! What the messenger's rules know of the third door: who may call it how, what its visitors get, what its clients are told.

use std::net::SocketAddr;

use super::super::client::{Client, Standing};
use super::super::clothes::FRAMES;
use super::super::options::Verbosity;
use super::super::record::{IDLE, Kind, Record, code_of};
use super::super::rules::PROGRAM;
use super::super::stage::Stage;
use super::super::words;
use super::answer::{Answer, Answers, upgraded};
use super::encoding::{self, Messages};
use super::request::Site;

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
    /// How many places of the room one address may have. At the door it was not asked for any.
    max_per_address: Option<usize>,
    verbosity: Verbosity,
}

impl Web {
    /// The door of `site` into the room of `room`, where one address may have so many places.
    pub fn at(site: Site, room: SocketAddr, max_per_address: Option<usize>, verbosity: Verbosity) -> Web {
        let (answers, messages) = (Answers::of_the_page(), Messages::default());
        Web { site, answers, messages, room, max_per_address, verbosity }
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

    /// Does what a visitor asks for. False for one that has its answer already, and is gone, and for what no visitor would ask.
    pub fn visited(&self, record: &Record, stage: &mut Stage) -> bool {
        let Some(client) = stage.room.client(record.pid).filter(|client| client.sent_away.is_none()) else {
            return false;
        };
        match record.kind {
            Kind::Enter => {
                // What it says there are words, whatever they begin with.
                client.standing = Standing::Speaks;
                self.enter(record, stage);
                true
            }
            Kind::Answer => self.answer(record, stage),
            _ => false,
        }
    }

    /// Lets a visitor into the room, if its address has a place there.
    fn enter(&self, record: &Record, stage: &mut Stage) {
        let Some(peer) = stage.room.client(record.pid).map(|client| client.peer) else { return };
        let places = stage.room.places_of(peer.ip());
        if let Some(most) = self.max_per_address.filter(|&most| places >= most) {
            let words = stage.parent.words;
            stage.parent.err.line(words.refused_address(peer, most));
            let reason = PROGRAM.says(&words.you_are_too_many_there(most));
            return stage.room.send_away(record.pid, self.refusal(&reason));
        }
        stage.room.let_in(record.pid, FRAMES);
        // It was looked at as it came out of the pipe: base64.
        let accept = String::from_utf8_lossy(record.body);
        let greeting = [upgraded(&accept), encoding::hello(record.pid, self.room)].concat();
        stage.room.tell(record.pid, &greeting, stage.now);
        let count = stage.room.present();
        if self.verbosity >= Verbosity::Chat
            && stage.parent.out.has_room()
            && let Some(client) = stage.room.client(record.pid)
        {
            stage.parent.out.line(words::joined_by_web(client, count));
        }
    }

    /// Gives a visitor its answer. False for an answer that there is not.
    fn answer(&self, record: &Record, stage: &mut Stage) -> bool {
        let number = record.body.first().copied();
        let Some((answer, head_alone)) = number.and_then(Answer::numbered) else { return false };
        let Some(client) = stage.room.client(record.pid) else { return false };
        if matches!(answer, Answer::ForeignHost | Answer::ForeignOrigin) {
            stage.parent.err.line(words::foreign_visitor(client, answer == Answer::ForeignHost));
        } else if self.verbosity >= Verbosity::Hops {
            stage.parent.out.line(words::answered(client, answer.status()));
        }
        stage.room.send_away(record.pid, self.answers.bytes(answer, head_alone));
        true
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
