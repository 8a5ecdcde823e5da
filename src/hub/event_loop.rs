//! The hub: the first process of a server whose clients share a room. The only reader of the shared pipe, the only writer of
//! client sockets, the only printer, and one poll loop for all of it.
//!
//! Who hears what, and in which words, are the [`Service`] of a lab: the messenger's ([`crate::chat::server`]), and those of
//! directed messages ([`crate::labs::direct`]).

use std::collections::BTreeMap;
use std::io::{self, PipeWriter};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use smallvec::SmallVec;

use super::record_reader::{CAPACITY, ReadOutcome, RecordReader};
use super::room::Room;
use super::service::{Context, Service};
use crate::server::{self, ACCEPTED_AT_ONCE, Options, PendingConnection, Supervisor, startup};
use crate::sys::{self, Ended, Interest, Pid, PollFd, Profile, Signal};

/// How long the hub leaves the pipe unread for clients that are far behind but may be reading, once in [`CAPACITY`] bytes
/// heard. So a flood slows down for readers that are about as fast; who reads much more slowly falls behind and is dropped.
/// Ordinary talk does not wait for anybody.
const PIPE_PAUSE: Duration = Duration::from_millis(20);

/// A poll that takes longer than this has waited: nothing was there before what it tells of.
const AT_ONCE: Duration = Duration::from_micros(5);

/// How long a child that ended without a word may go unnoticed beside others that announced their end.
const SWEEP: Duration = Duration::from_millis(100);

/// The first process and all that it holds.
pub struct Hub<R: Service> {
    /// What is this lab's own.
    pub rules: R,
    /// Descriptors 3 and 4: the pipe. The write end is for the children; held, so that the pipe never ends.
    inbox: RecordReader,
    pipe: PipeWriter,
    /// Descriptor 5: its door.
    supervisor: Supervisor,
    room: Room,
    /// Until when the pipe is left unread.
    paused_until: Option<Instant>,
    /// Bytes heard since the last moment.
    heard: usize,
    /// Reads of the pipe that gave something else than records of living children.
    junk: u64,
    /// When to look for children that ended without a word.
    sweep: Option<Instant>,
}

/// As many as a quiet room has, on the stack: what the hub writes on the heap, a child forked before pays for.
type Few<T> = SmallVec<[T; 8]>;

/// What poll found.
#[derive(Clone, Copy, Debug)]
enum Event {
    Supervisor(server::Event),
    Pipe,
    Writable(Pid),
}

impl<R: Service> Hub<R> {
    /// Makes the pipe (3 and 4), then the listening socket (5), then the rest, out of the way of the clients' (6, ...).
    ///
    /// # Errors
    /// Whatever the system refuses, with what was being done.
    pub fn open(rules: R, options: &Options, room: Room) -> anyhow::Result<Hub<R>> {
        let limit = startup()?;
        let (inbox, pipe) = RecordReader::open().context("pipe")?;
        let supervisor = Supervisor::open(R::PROGRAM, options, limit, &rules.signals())?;
        Ok(Hub { rules, inbox, pipe, supervisor, room, paused_until: None, heard: 0, junk: 0, sweep: None })
    }

    /// Opens another door; what comes in there is told apart by the rules. Returns the address really bound.
    ///
    /// # Errors
    /// As [`Supervisor::add_listener`].
    pub fn add_listener(&mut self, address: SocketAddr, backlog: i32) -> anyhow::Result<SocketAddr> {
        self.supervisor.add_listener(address, backlog)
    }

    /// The first door's address.
    ///
    /// # Errors
    /// What getsockname(2) says.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        self.supervisor.listeners[0].address().context("getsockname")
    }

    /// Runs the room until SIGINT or SIGTERM. The first lines printed are that it is ready, and `more`.
    ///
    /// # Errors
    /// That it cannot become the user it is to run as; what poll(2) or waitpid(2) says when they fail, which they should not.
    pub fn run(mut self, more: &[String]) -> anyhow::Result<()> {
        self.supervisor.drop_privileges()?;
        self.rules.open(&mut self.supervisor)?;
        self.supervisor.confine(Profile::Records, None);
        self.supervisor.announce(more)?;
        while self.supervisor.stop.is_none() {
            self.turn()?;
        }
        self.close();
        Ok(())
    }

    fn turn(&mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        let events = self.wait(began).context("poll")?;
        let now = Instant::now();
        // What a child wrote alone is said at once, without a look for more: poll tells of that. Where it looks at many who do
        // not read, it takes its time in any case.
        let is_quiet = now.duration_since(began) > AT_ONCE && self.room.blocked(now).next().is_none();
        for event in events {
            match event {
                Event::Supervisor(server::Event::Signal) => self.take_signals(now)?,
                Event::Supervisor(server::Event::Listener(listener)) => self.accept(listener, now),
                Event::Supervisor(server::Event::Other) => {}
                Event::Pipe => self.read_pipe(if is_quiet { 1 } else { CAPACITY }, now),
                Event::Writable(pid) => self.room.can_take(pid),
            }
        }
        if self.sweep.is_some_and(|at| at <= now) {
            self.sweep(now)?;
        }
        for pending in self.supervisor.retry_waiting(now) {
            self.admit(pending, now);
        }
        // Not `now`: accepting, forking and reaping take time, and the pace is counted from the sending.
        self.deliver(Instant::now());
        let Hub { rules, room, supervisor, .. } = self;
        rules.end_turn(&mut Context { room, supervisor, now });
        self.supervisor.end_turn(now);
        Ok(())
    }

    fn take_signals(&mut self, now: Instant) -> anyhow::Result<()> {
        if self.supervisor.take_signals() {
            self.reap(now)?;
        }
        let Hub { rules, room, supervisor, .. } = self;
        for signal in supervisor.take_user_signals() {
            rules.take_user_signals(signal, &mut Context { room, supervisor, now });
        }
        Ok(())
    }

    /// Waits for whatever comes first, and says what it is.
    fn wait(&self, now: Instant) -> io::Result<Few<Event>> {
        let (mut events, mut watched): (Few<Event>, Few<PollFd>) = self.watched(now).unzip();
        sys::wait(&mut watched, self.timeout(now))?;
        let mut ready = watched.iter().map(sys::is_ready);
        events.retain(|_| ready.next() == Some(true));
        Ok(events)
    }

    fn watched(&self, now: Instant) -> impl Iterator<Item = (Event, PollFd<'_>)> {
        let pipe = self.paused_until.is_none().then(|| sys::watch(self.inbox.pipe().as_fd(), Interest::Read));
        let blocked = self.room.blocked(now).map(|(pid, fd)| (Event::Writable(pid), fd));
        let supervisor = self.supervisor.watched(true).map(|(event, fd)| (Event::Supervisor(event), fd));
        supervisor.chain(pipe.map(|pipe| (Event::Pipe, pipe))).chain(blocked)
    }

    /// Until the earliest of the times that something is due; `None` in a room where nothing is.
    fn timeout(&self, now: Instant) -> Option<Duration> {
        let due = [self.room.due(now), self.supervisor.due(), self.paused_until, self.sweep];
        due.into_iter().flatten().min().map(|at| at.saturating_duration_since(now))
    }

    /// Takes the children that have ended, and leave of their clients.
    ///
    /// Those that have said so are asked for by their numbers: to find out who has ended, the kernel walks along all, which takes
    /// a millisecond among ten thousand. One that ends without a word, in the same moment as one that has said so, is found a
    /// little later.
    fn reap(&mut self, now: Instant) -> anyhow::Result<()> {
        let mut dead = Few::new();
        for &pid in self.room.leaving() {
            if let Some(ended) = sys::reap_ended(pid).context("waitpid")? {
                dead.push((pid, ended));
            }
        }
        if dead.is_empty() {
            return self.sweep(now);
        }
        self.sweep = self.sweep.or(Some(now + SWEEP));
        self.finish_reaped(dead, now);
        Ok(())
    }

    /// Takes all ended children, whether they have said so or not.
    fn sweep(&mut self, now: Instant) -> anyhow::Result<()> {
        self.sweep = None;
        let mut dead = Few::new();
        while let Some(child) = sys::reap_one().context("waitpid")? {
            dead.push(child);
        }
        self.finish_reaped(dead, now);
        Ok(())
    }

    /// Takes what ended children wrote before they ended, then leave of their clients: in this order, since a child may write its
    /// last record and end between a look at the pipe and a look at the children.
    fn finish_reaped(&mut self, dead: Few<(Pid, Ended)>, now: Instant) {
        dead.iter().for_each(|&(pid, _)| self.room.reaped(pid));
        self.drain_pipe(now);
        self.rules.before_send(&mut self.supervisor);
        for (pid, ended) in dead {
            self.disconnect(pid, ended, now);
        }
        self.supervisor.resume(now);
    }

    fn disconnect(&mut self, pid: Pid, ended: Ended, now: Instant) {
        let Some((mut client, rest)) = self.room.leave(pid) else { return };
        let last_words = self.rules.departed(&client, ended, self.room.present(), &mut self.supervisor);
        let last_words = client.sent_away.take().unwrap_or_else(|| [rest, last_words].concat());
        if client.left == Some(0) && last_words.is_empty() {
            // It has ended its side, and has heard all: nothing unread is there for which `close` would reset the connection.
            return;
        }
        self.supervisor.lingering.add(client.socket, last_words, now);
    }

    /// Reads what is in the pipe now; what is written meanwhile may wait.
    fn drain_pipe(&mut self, now: Instant) {
        self.read_pipe(sys::pipe_capacity(self.inbox.pipe()).max(CAPACITY), now);
    }

    /// Reads the pipe until it is empty, or has given `most` bytes.
    fn read_pipe(&mut self, most: usize, now: Instant) {
        let mut read = 0;
        while read < most {
            match self.read_packet(now) {
                0 => break,
                n => read += n,
            }
        }
        self.heard += read;
    }

    /// One read of the pipe. Returns how many bytes came.
    fn read_packet(&mut self, now: Instant) -> usize {
        let Hub { rules, inbox, room, supervisor, .. } = self;
        let mut unlikely = false;
        let heard = inbox.read(|record| match room.client(record.pid) {
            Some(_) => unlikely |= !rules.hear(record, &mut Context { room, supervisor, now }),
            None => unlikely = true,
        });
        // An error of read(2), which should not fail, is no record either.
        let ReadOutcome { bytes, junk } = heard.unwrap_or(ReadOutcome { bytes: 0, junk: true });
        if junk || unlikely {
            self.junk += 1;
            // A child that writes nothing else must not fill the log: the first time, then the second, the fourth, the eighth.
            if self.junk.is_power_of_two() {
                self.supervisor.err.line(self.supervisor.messages.bad_record(self.junk));
            }
        }
        bytes
    }

    fn accept(&mut self, listener: usize, now: Instant) {
        for pending in self.supervisor.retry_waiting(now) {
            self.admit(pending, now);
        }
        for _ in 0..ACCEPTED_AT_ONCE {
            let Some(pending) = self.supervisor.accept(listener, now) else { break };
            self.admit(pending, now);
        }
    }

    fn admit(&mut self, pending: PendingConnection, now: Instant) {
        let (room, rules, listener) = (&self.room, &self.rules, pending.listener);
        let tell = |reason: &str| rules.refusal(listener, reason);
        let client = self.supervisor.admit(pending, room.len(), |address| room.from(address), tell, now);
        if let Some(client) = client {
            self.welcome(client, listener, now);
        }
    }

    /// Gives a client its process, or tells it why not.
    fn welcome(&mut self, client: (TcpStream, SocketAddr), listener: usize, now: Instant) {
        let Hub { rules, pipe, inbox, room, supervisor, .. } = self;
        let socket = &client.0;
        let keep = [pipe.as_raw_fd(), socket.as_raw_fd()];
        let forked = sys::spawn(&supervisor.signals, &keep, &supervisor.privileges.sandbox, || {
            inbox.forget();
            room.forget();
            rules.forget();
            supervisor.out.forget();
            supervisor.err.forget();
            rules.serve(listener, &client, pipe)
        });
        match forked {
            Ok(pid) => self.join(pid, client, listener, now),
            Err(reason) => {
                let tell = |reason: &str| rules.refusal(listener, reason);
                supervisor.refuse_without_process(client, &reason, tell, now);
            }
        }
    }

    fn join(&mut self, pid: Pid, client: (TcpStream, SocketAddr), listener: usize, now: Instant) {
        let (channel_id, greeting) = self.rules.welcome(listener, &mut self.room, now);
        if !greeting.is_empty() {
            // A new socket takes a line at once; one that does not is gone already, as its child will say.
            let _ = sys::try_send(&client.0, &greeting);
        }
        self.room.join(pid, client, channel_id);
        let count = self.room.present();
        if let Some(client) = self.room.client(pid) {
            self.rules.joined(client, count, &mut self.supervisor);
        }
    }

    /// One round of sending, and what follows from it.
    fn deliver(&mut self, now: Instant) {
        self.rules.before_send(&mut self.supervisor);
        if self.paused_until.is_some_and(|until| until <= now) {
            self.paused_until = None;
            self.room.end_pause();
        }
        let mut hops = BTreeMap::<usize, Vec<RawFd>>::new();
        let tell = self.rules.tells_hops();
        let delivery = self.room.deliver(now, |descriptor, bytes| {
            if tell {
                hops.entry(bytes).or_default().push(descriptor);
            }
        });
        if !hops.is_empty() {
            self.rules.sent(&hops, &mut self.supervisor);
        }
        if !delivery.under_pressure {
            self.paused_until = None;
        } else if self.paused_until.is_none() && self.heard >= CAPACITY {
            self.paused_until = Some(now + PIPE_PAUSE);
            self.heard = 0;
            self.room.begin_pause();
        }
        for pid in delivery.slow_readers {
            let Some((client, lag, rest)) = self.room.slow_reader(pid, now) else { continue };
            let last_words = self.rules.too_slow(client, lag, rest, &mut self.supervisor);
            self.room.send_away(pid, last_words);
        }
    }

    /// Ends all children and all connections. What was said before the end still goes to whoever takes it at once.
    fn close(&mut self) {
        let now = Instant::now();
        let Hub { supervisor, room, .. } = self;
        if let Some(signal) = supervisor.stop {
            supervisor.out.line(supervisor.messages.stopping(signal, room.present()));
        }
        for pid in self.room.children() {
            // Not SIGTERM: it would stay pending in a child that somebody has stopped, and we would wait for ever.
            sys::kill(pid, Signal::SIGKILL);
            // An error could only say that it is no child any more.
            let _ = sys::reap_this(pid);
            self.room.reaped(pid);
        }
        self.drain_pipe(now);
        self.rules.before_send(&mut self.supervisor);
        self.room.deliver_all(now);
        for pid in self.room.children() {
            if let Some((client, rest)) = self.room.leave(pid) {
                if rest.is_empty() && !client.gone {
                    // As much of it as goes at once.
                    let _ = sys::try_send(&client.socket, &self.rules.stopping(&client));
                }
                // It fails only when the connection is gone already.
                let _ = client.socket.shutdown(std::net::Shutdown::Both);
            }
        }
        self.supervisor.flush();
    }
}
