//! What is one lab's and not another's in a server whose clients share a room.

use std::collections::BTreeMap;
use std::io::PipeWriter;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::RawFd;
use std::time::Instant;

use super::channel::ChannelId;
use super::connection::{Connection, Lag};
use super::record::Record;
use super::room::Room;
use crate::cli::Program;
use crate::server::Supervisor;
use crate::sys::{Ended, Signal};

/// What makes a hub one lab's server and not another's.
pub trait Service {
    /// Who is running.
    const PROGRAM: Program;

    /// What a child does for the `client` that came in at `listener`, to its end: it reads its socket and writes records to `pipe`.
    fn serve(&self, listener: usize, client: &(TcpStream, SocketAddr), pipe: &PipeWriter) -> i32;

    /// What a new client hears, and what it is told at once.
    fn welcome(&mut self, listener: usize, room: &mut Room, now: Instant) -> (ChannelId, Vec<u8>);

    /// Takes one record; its pid is that of a client in the room. False for one that this client's child would not write.
    fn hear(&mut self, record: Record, context: &mut Context) -> bool;

    /// Prints that `client` is in, one of `count`.
    fn joined(&self, client: &Connection, count: usize, supervisor: &mut Supervisor);

    /// Prints that `client` is out, which leaves `count`, and why. Returns its last words, if there are any.
    fn departed(
        &mut self,
        client: &Connection,
        ended: Ended,
        count: usize,
        supervisor: &mut Supervisor,
    ) -> Vec<u8>;

    /// Prints that `client` reads too slowly, and returns what it is told, as it is sent away. It may have stopped in the middle of
    /// a message: `rest` is what it has not taken, or nothing where that cannot be told.
    fn too_slow(&self, client: &Connection, lag: Lag, rest: &[u8], supervisor: &mut Supervisor) -> Vec<u8>;

    /// What a client is told that is not let in at `listener`: `reason`, in the protocol's clothes.
    fn refusal(&self, listener: usize, reason: &str) -> Vec<u8>;

    /// What a client that has heard all is told as the server ends.
    fn stopping(&self, _client: &Connection) -> Vec<u8> {
        Vec::new()
    }

    /// Gives the memory for what it knows of the clients back, in a child, which has no use for it.
    fn forget(&mut self) {}

    /// The signals of its own that the server is to hear of.
    fn signals(&self) -> Vec<Signal> {
        Vec::new()
    }

    /// One of them has come.
    fn take_user_signals(&mut self, _signal: Signal, _stage: &mut Context) {}

    /// Makes ready what is to be the user's that the server runs as.
    ///
    /// # Errors
    /// Why there can be no room without it.
    fn open(&mut self, _parent: &mut Supervisor) -> anyhow::Result<()> {
        Ok(())
    }

    /// Something that was said is about to be sent, perhaps.
    fn before_send(&mut self, _parent: &mut Supervisor) {}

    /// A turn of the hub's loop is over, but for the printing.
    fn end_turn(&mut self, _stage: &mut Context) {}

    /// True when each message's way is to be told.
    fn tells_hops(&self) -> bool {
        false
    }

    /// Prints how many bytes one round of sending gave to which descriptors.
    fn sent(&self, _descriptors_by_size: &BTreeMap<usize, Vec<RawFd>>, _parent: &mut Supervisor) {}
}

/// What a record may lead to: something said in the room, something printed.
pub struct Context<'a> {
    /// Who is there, and what they hear.
    pub room: &'a mut Room,
    /// The consoles.
    pub supervisor: &'a mut Supervisor,
    /// The time of this turn.
    pub now: Instant,
}
