//! What the messenger's rules know of the third door: who may call it how, what its visitors get, what its clients are told.

use std::net::SocketAddr;

use super::request::Site;
use super::response::{Response, Responses, upgraded};
use super::ws_encode::{self, WsEncoder};
use crate::chat::encoding::FRAMES;
use crate::chat::messages;
use crate::chat::options::Verbosity;
use crate::chat::server::PROGRAM;
use crate::hub::connection::{Connection, HandshakeState};
use crate::hub::record::{IDLE, Kind, Record, code_of};
use crate::hub::service::Context;

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
pub struct WebEndpoint {
    /// How visitors may call it.
    pub site: Site,
    answers: Responses,
    messages: WsEncoder,
    /// The room's first door.
    room: SocketAddr,
    /// How many places of the room one address may have. At the door it was not asked for any.
    max_per_address: Option<usize>,
    verbosity: Verbosity,
}

impl WebEndpoint {
    /// The door of `site` into the room of `room`, where one address may have so many places.
    pub fn at(
        site: Site,
        room: SocketAddr,
        max_per_address: Option<usize>,
        verbosity: Verbosity,
    ) -> WebEndpoint {
        let (answers, messages) = (Responses::of_the_page(), WsEncoder::default());
        WebEndpoint { site, answers, messages, room, max_per_address, verbosity }
    }

    /// What a client said, as those hear it who hear frames.
    pub fn message(&mut self, record: &Record) -> &[u8] {
        self.messages.frame(record.pid, ws_encode::now(), record.body)
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
    pub fn visited(&self, record: &Record, context: &mut Context) -> bool {
        let Some(client) = context.room.client(record.pid).filter(|client| client.sent_away.is_none()) else {
            return false;
        };
        match record.kind {
            Kind::Enter => {
                // What it says there are words, whatever they begin with.
                client.standing = HandshakeState::Speaks;
                self.enter(record, context);
                true
            }
            Kind::Answer => self.answer(record, context),
            _ => false,
        }
    }

    /// Lets a visitor into the room, if its address has a place there.
    fn enter(&self, record: &Record, context: &mut Context) {
        let Some(peer) = context.room.client(record.pid).map(|client| client.peer) else { return };
        let places = context.room.places_of(peer.ip());
        if let Some(most) = self.max_per_address.filter(|&most| places >= most) {
            let messages = context.supervisor.messages;
            context.supervisor.err.line(messages.refused_address(peer, most));
            let reason = PROGRAM.says(&messages.too_many_from_your_address(most));
            return context.room.send_away(record.pid, self.refusal(&reason));
        }
        context.room.let_in(record.pid, FRAMES);
        // It was looked at as it came out of the pipe: base64.
        let accept = String::from_utf8_lossy(record.body);
        let greeting = [upgraded(&accept), ws_encode::hello(record.pid, self.room)].concat();
        context.room.tell(record.pid, &greeting, context.now);
        let count = context.room.present();
        if self.verbosity >= Verbosity::Chat
            && context.supervisor.out.has_room()
            && let Some(client) = context.room.client(record.pid)
        {
            context.supervisor.out.line(messages::joined_by_web(client, count));
        }
    }

    /// Gives a visitor its answer. False for an answer that there is not.
    fn answer(&self, record: &Record, context: &mut Context) -> bool {
        let number = record.body.first().copied();
        let Some((answer, head_alone)) = number.and_then(Response::numbered) else { return false };
        let Some(client) = context.room.client(record.pid) else { return false };
        if matches!(answer, Response::ForeignHost | Response::ForeignOrigin) {
            context.supervisor.err.line(messages::foreign_visitor(client, answer == Response::ForeignHost));
        } else if self.verbosity >= Verbosity::Hops {
            context.supervisor.out.line(messages::answered(client, answer.status()));
        }
        context.room.send_away(record.pid, self.answers.bytes(answer, head_alone));
        true
    }
}

/// The last words to a client that was in the room, `notified` being what else it is to know.
pub fn last_words(client: &Connection, notified: Option<&str>) -> Vec<u8> {
    let code = match client.left {
        Some(IDLE) => POLICY,
        None => INTERNAL,
        Some(left) => match code_of(left) {
            Some(code) => code,
            // It has ended its side, or is gone.
            None => return Vec::new(),
        },
    };
    [notified.map(ws_encode::notice).unwrap_or_default(), ws_encode::close(code)].concat()
}

/// The last words to a client that reads too slowly and has not taken `rest`: nothing where they would stand in the middle of
/// something else.
pub fn too_slow(rest: &[u8], notified: &str) -> Vec<u8> {
    if rest.is_empty() {
        return Vec::new();
    }
    [ws_encode::rest_of_frame(rest), &ws_encode::notice(notified), &ws_encode::close(TRY_AGAIN_LATER)]
        .concat()
}

/// The last words as the server ends.
pub fn stopping() -> Vec<u8> {
    ws_encode::close(GOING_AWAY)
}
