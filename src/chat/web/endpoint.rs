//! The HTTP side of the hub: responses to browsers' requests, and entry into the room.

use std::net::SocketAddr;

use super::request::Site;
use super::response::{Response, Responses, upgraded};
use super::ws_encode::{self, WsEncoder};
use crate::chat::client_state::ClientState;
use crate::chat::encoding::Encoding;
use crate::chat::options::Verbosity;
use crate::chat::{PROGRAM, messages};
use crate::hub::connection::Connection;
use crate::hub::entry;
use crate::hub::message_log::ChannelId;
use crate::hub::record::{Kind, Record};
use crate::hub::service::Context;
use crate::server::Supervisor;

#[derive(Debug)]
pub(crate) struct WebEndpoint {
    /// The hosts and origins that requests may name.
    pub site: Site,
    pub responses: Responses,
    pub encoder: WsEncoder,
    /// The address of the room's first listener, which the page shows.
    room: SocketAddr,
    /// Limit of one address's clients in the room, checked at entry.
    max_per_address: Option<usize>,
    verbosity: Verbosity,
}

impl WebEndpoint {
    pub fn new(site: Site, room: SocketAddr, max_per_address: Option<usize>, verbosity: Verbosity) -> Self {
        let (responses, encoder) = (Responses::new(), WsEncoder::new());
        WebEndpoint { site, responses, encoder, room, max_per_address, verbosity }
    }

    /// Serves the request of a browser outside the room. False for a record that no worker writes.
    pub fn on_request(
        &self,
        record: &Record,
        connection: &mut Connection,
        client: &mut ClientState,
        frames: ChannelId,
        context: &mut Context<ClientState>,
    ) -> bool {
        if record.kind != Kind::Enter {
            return self.respond(record, connection, context.supervisor);
        }
        let Some((accept, forwarded)) = entry::parse(record.body) else { return false };
        // A worker that was taken over could tell any address.
        connection.peer.forwarded =
            forwarded.filter(|_| self.site.proxies.contain(connection.peer.socket.address));
        if let Some(reason) = self.refuse_entry(connection, context) {
            connection.disconnect(self.responses.refusal(&PROGRAM.says(&reason)));
            return true;
        }
        client.encoding = Some(Encoding::WebSocket);
        connection.join(frames, context.channels);
        let greeting = [upgraded(accept), ws_encode::hello(connection.pid, self.room)].concat();
        context.tell(connection, &greeting);
        if self.verbosity >= Verbosity::Chat && context.supervisor.out.has_room() {
            context.supervisor.out.line(messages::joined(connection, " (web)", context.channels.readers()));
        }
        true
    }

    /// The reason why a browser may not enter the room now, if there is one; it is logged.
    fn refuse_entry(&self, connection: &Connection, context: &mut Context<ClientState>) -> Option<String> {
        let address = connection.peer.ip();
        let (inside, _) = context.peers.count_from(address);
        let supervisor = &mut *context.supervisor;
        let messages = supervisor.messages;
        if let Some(reason) = supervisor.penalty(address, connection.peer, context.now) {
            return Some(reason);
        }
        if let Some(most) = self.max_per_address.filter(|&most| inside >= most) {
            supervisor.err.line(messages.refused_address(connection.peer, most));
            return Some(messages.too_many_from_your_address(most));
        }
        if !context.is_full_for(address) {
            return None;
        }
        let supervisor = &mut *context.supervisor;
        supervisor.err.line(messages.refused_full(connection.peer, supervisor.max_clients));
        Some(messages.room_is_full(supervisor.max_clients))
    }

    /// Sends an HTTP response and closes. False for a number that stands for none.
    fn respond(&self, record: &Record, connection: &mut Connection, supervisor: &mut Supervisor) -> bool {
        let number = record.body.first().copied();
        let Some((response, head_alone)) = number.and_then(Response::from_number) else { return false };
        if matches!(response, Response::ForeignHost | Response::ForeignOrigin) {
            let is_host = response == Response::ForeignHost;
            supervisor.err.line(messages::foreign_visitor(connection, is_host));
        } else if self.verbosity >= Verbosity::Hops {
            supervisor.out.line(messages::answered(connection, response.status()));
        }
        connection.disconnect(self.responses.bytes(response, head_alone));
        true
    }
}
