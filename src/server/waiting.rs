//! Connections in their grace period, before they are refused. One over `--max-per-address`: a
//! client that reconnects at once arrives before its old child has noticed the close. One without a
//! process: another's is about to end.

use std::net::{IpAddr, TcpStream};
use std::time::{Duration, Instant};

use super::source::{oldest_of_heaviest, source};
use crate::sys::ScopedAddress;

/// The grace period.
pub(super) const RETRY_WAIT: Duration = Duration::from_millis(500);

/// Connections in it: more than a class, which may reconnect all at once.
const MAX_WAITING: usize = 128;

/// A connection that is accepted, but not yet admitted.
#[derive(Debug)]
pub struct PendingConnection {
    pub client: (TcpStream, ScopedAddress),
    /// The index in [`super::Supervisor::listeners`].
    pub listener: usize,
    /// The end of its grace period; `None` when it has just been accepted.
    until: Option<Instant>,
}

impl PendingConnection {
    pub fn new(client: (TcpStream, ScopedAddress), listener: usize) -> PendingConnection {
        PendingConnection { client, listener, until: None }
    }

    /// True once its grace period has begun.
    pub fn has_waited(&self) -> bool {
        self.until.is_some()
    }
}

/// Why a connection is refused.
#[derive(Debug)]
pub(super) struct Refusal {
    /// For the operator.
    pub log: String,
    /// For the client.
    pub reason: String,
}

#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// The oldest first; each with the reason to refuse it.
    connections: Vec<(PendingConnection, Refusal)>,
    /// A client has left since [`Waiting::retry`].
    pub client_left: bool,
}

impl Waiting {
    /// Keeps a connection for its grace period. Returns the one for which there is none: this one,
    /// if its grace period is over or there is no room, or the oldest of another source that has
    /// more of them.
    pub fn add(
        &mut self,
        newcomer: PendingConnection,
        refusal: Refusal,
        now: Instant,
    ) -> Option<(PendingConnection, Refusal)> {
        let until = newcomer.until.unwrap_or(now + RETRY_WAIT);
        if until <= now {
            return Some((newcomer, refusal));
        }
        self.connections.push((PendingConnection { until: Some(until), ..newcomer }, refusal));
        if self.connections.len() <= MAX_WAITING {
            return None;
        }
        let sources: Vec<IpAddr> =
            self.connections.iter().map(|(one, _)| source(one.client.1.ip())).collect();
        let at = oldest_of_heaviest(&sources, |_| true)?;
        let is_own = sources[at] == sources[MAX_WAITING];
        Some(self.connections.remove(if is_own { MAX_WAITING } else { at }))
    }

    /// Takes those to try again, oldest first: all of them after a client has left, otherwise those
    /// at the end of their grace period.
    pub fn retry(&mut self, now: Instant) -> Vec<PendingConnection> {
        let all = std::mem::take(&mut self.client_left);
        let is_due =
            |(one, _): &mut (PendingConnection, Refusal)| all || one.until.is_some_and(|at| at <= now);
        self.connections.extract_if(.., is_due).map(|(pending, _)| pending).collect()
    }

    pub fn take_all(&mut self) -> Vec<(PendingConnection, Refusal)> {
        std::mem::take(&mut self.connections)
    }

    /// The next end of a grace period.
    pub fn due(&self) -> Option<Instant> {
        self.connections.iter().filter_map(|(pending, _)| pending.until).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{SocketAddr, TcpListener};

    #[test]
    fn one_source_cannot_take_the_grace_periods_of_the_others() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (now, mut waiting) = (Instant::now(), Waiting::default());
        let mut add = |host: u8, port: u16| {
            let address = SocketAddr::from(([10, 0, 0, host], port));
            let client = (socket.try_clone().unwrap(), address.into());
            let refusal = Refusal { log: String::new(), reason: String::new() };
            let refused = waiting.add(PendingConnection::new(client, 0), refusal, now);
            refused.map(|(one, _)| (one.client.1.ip(), one.client.1.address.port()))
        };
        for port in 0..MAX_WAITING as u16 {
            assert_eq!(add(1, port), None);
        }
        let heavy = IpAddr::from([10, 0, 0, 1]);
        assert_eq!(add(1, 999), Some((heavy, 999)), "one more of the heaviest source");
        assert_eq!(add(2, 1), Some((heavy, 0)), "a stranger takes the place of the oldest");
        assert_eq!(waiting.due(), Some(now + RETRY_WAIT));
        assert_eq!(waiting.retry(now).len(), 0);
        assert_eq!(waiting.retry(now + RETRY_WAIT).len(), MAX_WAITING);
    }
}
