//! The first process: accepts clients, serves the first pair, queues clients that wait, and passes
//! those of further pairs to children.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::connection::Connection;
use super::pair_pool::PairPool;
use super::pair_session::PairSession;
use super::placement::{self, Placement};
use super::{EXIT, SERVER, messages, refusal};
use crate::server::{
    self, ACCEPTED_AT_ONCE, Options, PendingConnection, Supervisor, fitting_sockets, oldest_of_heavier,
    source, startup,
};
use crate::sys::{self, Pid, PollFd, Profile};

/// Time for the children to end when the server stops: each first sends its clients `exit`, and
/// then closes as slowly as [`crate::server::Grace`] allows.
const GRACE: Duration = Duration::from_secs(6);

/// The first in line is refused when passing it to a child has failed for this long.
const PASS_TIMEOUT: Duration = Duration::from_secs(5);

/// Pause before it is tried again.
const PASS_AGAIN_AFTER: Duration = Duration::from_millis(20);

struct Server {
    supervisor: Supervisor,
    max_pairs: usize,
    /// How many may be in line: the first process holds their sockets.
    max_queued: usize,
    session: PairSession,
    pool: PairPool,
    /// Clients without a place, the first comer first.
    queue: VecDeque<Connection>,
    /// Since when the first in line cannot be passed to a child.
    unpassed_since: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Supervisor(server::Event),
    /// This child's link is readable.
    Link(Pid),
    /// A client of the first pair or of the queue; every turn looks at all of them.
    Clients,
}

/// Runs the server until SIGINT or SIGTERM, for at most `max_pairs` pairs at once.
pub fn serve(options: &Options, max_pairs: usize) -> anyhow::Result<()> {
    let limit = startup()?;
    // Each further pair costs a descriptor too.
    let max_queued = fitting_sockets(limit).saturating_sub(max_pairs).max(1);
    let mut supervisor = Supervisor::open(SERVER, options, limit, &[])?;
    supervisor.drop_privileges()?;
    if max_pairs > 1 {
        supervisor.confine(Profile::Pair, None);
    }
    let session = PairSession::new("(père)".to_string());
    let (pool, queue) = (PairPool::default(), VecDeque::new());
    let unpassed_since = None;
    let mut server = Server { supervisor, max_pairs, max_queued, session, pool, queue, unpassed_since };
    if 2 * max_pairs > options.max_clients {
        server.supervisor.err.line(messages::few_places(max_pairs, options.max_clients));
    }
    server.supervisor.announce(&[])?;
    while server.supervisor.stop.is_none() {
        server.turn()?;
    }
    server.close()
}

impl Server {
    fn turn(&mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        let queued = self.queue.iter().filter_map(Connection::due).min();
        let pass_again = self.unpassed_since.map(|_| began + PASS_AGAIN_AFTER);
        let due = [self.supervisor.due(), self.session.due(), self.pool.due(), pass_again, queued];
        let left = due.into_iter().flatten().min().map(|at| at.saturating_duration_since(began));
        let (events, has_timed_out) = sys::wait_for_events(self.watched(began), left);
        self.supervisor.begin_turn(&has_timed_out);
        let now = Instant::now();
        // Departures before arrivals.
        let left = self.session.advance(&mut self.supervisor.out, now);
        left.into_iter()
            .for_each(|(socket, last_words)| self.supervisor.lingering.add(socket, last_words, now));
        self.prune_queue(now);
        for event in events {
            match event {
                Event::Supervisor(server::Event::Signal) => {
                    // When the server stops, `close` reaps.
                    if self.supervisor.take_signals() && self.supervisor.stop.is_none() {
                        self.pool.reap(&mut self.supervisor, now);
                        self.supervisor.resume(now);
                    }
                }
                Event::Supervisor(server::Event::Listener(listener)) => self.accept(listener, now),
                Event::Link(child) => self.pool.read_link(child, &mut self.supervisor, now),
                Event::Supervisor(server::Event::LingeringClose) => self.supervisor.turns.progress(),
                Event::Supervisor(server::Event::Output) | Event::Clients => {}
            }
        }
        if self.supervisor.reaps_again(now) {
            self.pool.reap(&mut self.supervisor, now);
        }
        self.place_queued(now);
        self.pool.kill_overdue(now);
        // Clients' sockets and links: poll may report some that then give and take nothing.
        if !sys::is_idle() {
            self.supervisor.turns.progress();
        }
        self.supervisor.end_turn(now);
        Ok(())
    }

    fn watched(&self, now: Instant) -> impl Iterator<Item = (Event, PollFd<'_>)> {
        let supervisor = self.supervisor.watched(true).map(|(event, fd)| (Event::Supervisor(event), fd));
        let links = self.pool.watch().map(|(child, fd)| (Event::Link(child), fd));
        let queue = self.queue.iter().map(move |client| client.watch(false, now));
        links.chain(supervisor).chain(self.session.watch(now).chain(queue).map(|fd| (Event::Clients, fd)))
    }

    fn accept(&mut self, listener: usize, now: Instant) {
        for _ in 0..ACCEPTED_AT_ONCE {
            let Some(pending) = self.supervisor.accept(listener, now) else { break };
            let (socket, peer) = match self.has_place(&pending, now) {
                true => pending.client,
                false => {
                    self.supervisor.refuse_full(pending, |_, reason| refusal(reason), now);
                    continue;
                }
            };
            self.supervisor.out.line(messages::connected(peer));
            self.queue.push_back(Connection::new((socket, peer)));
            self.place_queued(now);
            if !self.queue.is_empty() {
                self.supervisor.out.line(messages::queued(peer, self.queue.len()));
            }
        }
    }

    /// With all places taken, the last in line of the address, or else the network, that has the
    /// most in line gives way to a newcomer: see [`oldest_of_heavier`]. False if there is no place.
    fn has_place(&mut self, newcomer: &PendingConnection, now: Instant) -> bool {
        if self.client_count() < self.supervisor.max_clients && self.queue.len() < self.max_queued {
            return true;
        }
        // The last comer first: the first one has waited longest.
        let sources: Vec<IpAddr> = self.queue.iter().rev().map(|one| source(one.peer.ip())).collect();
        let last = oldest_of_heavier(source(newcomer.client.1.ip()), &sources, |_, _| true)
            .and_then(|at| self.queue.remove(sources.len() - 1 - at));
        let Some(Connection { socket, peer, .. }) = last else { return false };
        let Supervisor { program, messages, err, lingering, .. } = &mut self.supervisor;
        err.line(messages.gave_its_place(peer));
        lingering.add(socket, refusal(&program.says(messages.place_is_given())), now);
        true
    }

    /// Queued clients included.
    fn client_count(&self) -> usize {
        self.session.client_count() + self.pool.client_count() + self.queue.len()
    }

    /// Gives places to queued clients as long as there are any.
    fn place_queued(&mut self, now: Instant) {
        let mut unpassed_since = self.unpassed_since.take();
        let Server { session, pool, supervisor, queue, max_pairs, .. } = self;
        while let Some(place) = placement::next(session.client_count(), pool.open_pairs(), *max_pairs) {
            let Some(client) = queue.pop_front() else { return pool.close_empty(now) };
            let failure = match place {
                Placement::Here => {
                    session.join(client, &mut supervisor.out);
                    unpassed_since = None;
                    continue;
                }
                Placement::Child(child) => match pool.pass(child, &client, supervisor, now) {
                    Ok(()) => {
                        unpassed_since = None;
                        continue;
                    }
                    Err(reason) => messages::not_passed(client.peer, &reason),
                },
                Placement::NewChild => match pool.spawn(supervisor) {
                    // The next round passes the client to it.
                    Ok(()) => {
                        queue.push_front(client);
                        continue;
                    }
                    Err(reason) => supervisor.messages.fork_failed(client.peer, &reason),
                },
            };
            // The child of a pair that left may not be reaped yet.
            let since = unpassed_since.take().unwrap_or(now);
            if now < since + PASS_TIMEOUT {
                queue.push_front(client);
                self.unpassed_since = Some(since);
                return;
            }
            refuse_without_process(client, failure, supervisor, now);
        }
    }

    fn prune_queue(&mut self, now: Instant) {
        let Server { queue, supervisor, .. } = self;
        let (mut gone, first) = (Vec::new(), queue.front().map(|client| client.peer));
        for mut client in std::mem::take(queue) {
            match client.receive(false, now) {
                Ok(_) => queue.push_back(client),
                Err(reason) => gone.push((client, reason)),
            }
        }
        if queue.front().map(|client| client.peer) != first {
            self.unpassed_since = None;
        }
        if !gone.is_empty() {
            supervisor.resume(now);
        }
        for (Connection { socket, peer, .. }, reason) in gone {
            supervisor.out.line(messages::left_queue(peer, &reason, queue.len()));
            supervisor.lingering.add(socket, messages::last_words(&reason), now);
        }
    }

    /// Sends every client `exit` and waits, with a deadline, for the clients and the children.
    fn close(&mut self) -> anyhow::Result<()> {
        self.supervisor.announce_stop(self.client_count());
        self.supervisor.stop_accepting(|_, reason| refusal(reason), Instant::now());
        self.pool.close_links();
        let deadline = Instant::now() + GRACE;
        for client in self.queue.drain(..) {
            self.supervisor.lingering.add(client.socket, EXIT.to_vec(), Instant::now());
        }
        self.session.close(&mut self.supervisor.out, &mut self.supervisor.lingering);
        self.supervisor.lingering.finish();
        self.pool.wait(deadline, &mut self.supervisor);
        self.supervisor.flush();
        Ok(())
    }
}

fn refuse_without_process(client: Connection, log: String, supervisor: &mut Supervisor, now: Instant) {
    let Supervisor { program, messages, err, lingering, .. } = supervisor;
    err.line(log);
    lingering.add(client.socket, refusal(&program.says(messages.no_process_for_you())), now);
}
