//! The decisions of one server: chat or directed messages. The hub does the rest.
//!
//! A record comes in; the service answers by what it does with its [`Context`]: say a message in a
//! channel, tell one client, print a line, or [`Connection::disconnect`].

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::RawFd;
use std::time::Instant;

use super::clients::Peers;
use super::connection::{Connection, Lag};
use super::message_log::{ChannelId, Channels};
use super::record::Record;
use super::worker::RecordPipe;
use crate::cli::Program;
use crate::server::Supervisor;
use crate::server::first_bytes::Foreign;
use crate::sys::{Ended, Pid, ScopedAddress, Signal};

pub(crate) trait Service {
    const PROGRAM: Program;

    /// Kept for each client beside its connection.
    type Client;

    /// The worker's work, to its end: reads the socket of a client that connected to this listener,
    /// writes records to `pipe`. Returns the exit status.
    fn serve(&self, listener: usize, client: &(TcpStream, ScopedAddress), pipe: RecordPipe) -> i32;

    /// The bytes for a client of this listener that cannot be served: `reason` in its encoding.
    fn refusal(&self, listener: usize, reason: &str) -> Vec<u8>;

    /// The last bytes for a client whose first bytes are another protocol's.
    fn answer_foreign(&self, client: &Self::Client, foreign: &Foreign) -> Vec<u8>;

    /// True for a proxy of this listener: behind it are many clients, which enter the room with
    /// addresses of their own ([`super::peer_address::PeerAddress`]).
    fn is_proxy(&self, _listener: usize, _address: SocketAddr) -> bool {
        false
    }

    /// A client has a worker now. Decides which channel it reads.
    fn on_connect(
        &mut self,
        listener: usize,
        connection: &mut Connection,
        context: &mut Context<Self::Client>,
    ) -> Self::Client;

    /// A record of a client's worker, of any kind but [`super::record::Kind::Left`]. False for one
    /// that this worker should not have written.
    fn on_record(
        &mut self,
        record: &Record,
        connection: &mut Connection,
        client: &mut Self::Client,
        context: &mut Context<Self::Client>,
    ) -> bool;

    /// A client's worker was reaped; the context has it no longer. Returns the last bytes to send.
    fn on_disconnect(
        &mut self,
        connection: &Connection,
        client: Self::Client,
        ended: Ended,
        context: &mut Context<Self::Client>,
    ) -> Vec<u8>;

    /// A client is about to be disconnected for its lag. It may have stopped within a message:
    /// `unsent` is what it has not taken, or nothing where it stopped within a private notice.
    /// Returns the last bytes to send.
    fn on_slow_reader(
        &self,
        connection: &Connection,
        client: &Self::Client,
        lag: Lag,
        unsent: &[u8],
        supervisor: &mut Supervisor,
    ) -> Vec<u8>;

    /// False for a listener whose connections are outside the room at first, and take no place.
    fn joins_at_once(&self, _listener: usize) -> bool {
        true
    }

    /// The last bytes for a client that gives way to another: `reason`, after its `unsent` messages
    /// as in [`Service::on_slow_reader`], if there are any.
    fn dismissal(
        &self,
        connection: &Connection,
        client: &Self::Client,
        reason: &str,
        unsent: &[u8],
    ) -> Vec<u8>;

    /// Opens what is to belong to the user that the server runs as; an error ends the server.
    fn start(&mut self, _supervisor: &mut Supervisor) -> anyhow::Result<()> {
        Ok(())
    }

    /// The signals for [`Service::on_signal`].
    fn signals(&self) -> Vec<Signal> {
        Vec::new()
    }

    fn on_signal(&mut self, _signal: Signal, _context: &mut Context<Self::Client>) {}

    /// Called before messages are sent.
    fn before_send(&mut self, _supervisor: &mut Supervisor) {}

    /// Called for each client that was sent bytes.
    fn on_sent(&mut self, _descriptor: RawFd, _bytes: usize) {}

    /// Called at the end of each turn of the loop, before lines are printed.
    fn end_turn(&mut self, _context: &mut Context<Self::Client>) {}

    /// The last bytes for a client that has received all, as the server stops.
    fn stopping(&self, _client: &Self::Client) -> Vec<u8> {
        Vec::new()
    }

    /// Gives memory back, in a worker, which has no use for it: see
    /// [`crate::sys::discard_in_child`].
    fn discard_in_child(&mut self) {}
}

/// The hub, as a service may act on it.
pub(crate) struct Context<'a, C> {
    /// The other clients, or all of them where no client is being handled.
    pub peers: Peers<'a, C>,
    pub channels: &'a mut Channels,
    /// Prints: `out` and `err`.
    pub supervisor: &'a mut Supervisor,
    /// The time of this turn.
    pub now: Instant,
    /// A client that gives its place to another: disconnected once the service returns.
    pub(super) gives_way: Option<Pid>,
}

impl<C> Context<'_, C> {
    /// The client with this pid, if it is open: `connection`, which is being handled, or a peer.
    pub fn open_client<'b>(&'b self, pid: Pid, connection: &'b Connection) -> Option<&'b Connection> {
        let client = match pid == connection.pid {
            true => Some(connection),
            false => self.peers.get(pid).map(|(peer, _)| peer),
        };
        client.filter(|client| client.is_open())
    }

    /// True if there is no place for a newcomer. In a full room, a client of an address that has
    /// more places may give way to it.
    pub fn is_full_for(&mut self, newcomer: IpAddr) -> bool {
        let most = self.supervisor.max_clients;
        if self.channels.readers() < most || self.peers.present() < most {
            return false;
        }
        self.gives_way = self.peers.gives_way_to(newcomer, self.now);
        self.gives_way.is_none()
    }

    /// Says a message to all readers of a channel.
    pub fn say(&mut self, channel: ChannelId, message: &[u8]) {
        self.channels.say(channel, message, self.now);
    }

    /// Tells one client alone.
    pub fn tell(&mut self, connection: &mut Connection, notice: &[u8]) {
        connection.tell(notice, self.channels, self.now);
    }
}
