//! The hub: the first process of a server with shared messages. It alone reads the pipe, writes to
//! client sockets and prints, in one poll loop in which nothing blocks.
//!
//! A turn of the loop: wait; take signals, accept, read records; send; print. The [`Service`]
//! decides what a record means.

use std::io::PipeWriter;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use smallvec::SmallVec;

use super::backpressure::Backpressure;
use super::clients::ClientTable;
use super::fan_out::fan_out;
use super::forgeries::Forgeries;
use super::lifecycle::{REAP_ALL_AFTER, Reaped};
use super::message_log::Channels;
use super::places::give_place;
use super::record::Kind;
use super::record_reader::{CAPACITY, ReadOutcome, RecordReader};
use super::service::{Context, Service};
use crate::server::first_bytes::Foreign;
use crate::server::{self, Options, Supervisor, startup};
use crate::sys::{self, Interest, Pid, PollFd, Profile};

/// A `poll` that takes longer has slept: nothing was pending.
const MIN_SLEEP: Duration = Duration::from_micros(5);

/// Clients of a room in which `poll` sleeps in a flood too.
const LARGE_ROOM: usize = 32;

/// As many as a quiet room has, on the stack: a write to the heap copies a page that a worker
/// forked before shares (copy-on-write).
pub(super) type Few<T> = SmallVec<[T; 8]>;

pub(crate) struct Hub<S: Service> {
    pub service: S,
    /// The pipe. The hub keeps its write end open, as each worker does: it has no end of file.
    pub(super) reader: RecordReader,
    pub(super) pipe: PipeWriter,
    pub supervisor: Supervisor,
    pub(super) clients: ClientTable<S::Client>,
    pub(super) channels: Channels,
    pub(super) backpressure: Backpressure,
    /// Reads of the pipe that gave something else than records of living workers.
    invalid_reads: u64,
    forgeries: Forgeries,
    /// When to look for workers that ended without a report, and to kill those that reported and
    /// live on.
    pub(super) reap_all_at: Option<Instant>,
    /// Workers that were reaped: their last records may still be in the pipe.
    pub(super) reaped: Few<Reaped>,
    /// Bytes of the pipe read so far.
    pub(super) bytes_read: u64,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Supervisor(server::Event),
    Pipe,
    Writable(Pid),
    /// A socket of [`super::departures`].
    Departure(usize),
}

impl<S: Service> Hub<S> {
    /// Makes the pipe (3 and 4), then the listening socket (5), then the rest, numbered above the
    /// clients (6, ...).
    pub fn open(service: S, options: &Options, channels: Channels, lag_limit: u64) -> anyhow::Result<Hub<S>> {
        let limit = startup()?;
        let (reader, pipe) = RecordReader::open().context("pipe")?;
        let mut supervisor = Supervisor::open(S::PROGRAM, options, limit, &service.signals())?;
        supervisor.fit_descriptors(limit);
        Ok(Hub {
            service,
            reader,
            pipe,
            supervisor,
            clients: ClientTable::default(),
            channels,
            backpressure: Backpressure::new(lag_limit),
            invalid_reads: 0,
            forgeries: Forgeries::default(),
            reap_all_at: None,
            reaped: Few::new(),
            bytes_read: 0,
        })
    }

    /// Runs until SIGINT or SIGTERM. Prints first that the server is ready, and `more`.
    pub fn run(mut self, more: &[String]) -> anyhow::Result<()> {
        self.supervisor.drop_privileges()?;
        self.service.start(&mut self.supervisor)?;
        self.supervisor.confine(Profile::Records, None);
        self.supervisor.announce(more)?;
        while self.supervisor.stop.is_none() {
            self.turn();
        }
        self.close();
        Ok(())
    }

    pub(super) fn turn(&mut self) {
        let began = Instant::now();
        let (events, has_timed_out) = sys::wait_for_events(self.watched(began), self.timeout(began));
        self.supervisor.begin_turn(&has_timed_out);
        let now = Instant::now();
        // Quiet: poll slept, so little can be in the pipe. Read once and send; poll reports more.
        // With full sockets in the set, poll is slow without having slept; beside so many workers,
        // it is too, and one message for each `send` would cost more than one read too many.
        let has_slept = now.duration_since(began) > MIN_SLEEP;
        let is_quiet =
            has_slept && self.clients.len() < LARGE_ROOM && self.clients.blocked(now).next().is_none();
        for event in events {
            self.handle(event, is_quiet, now);
        }
        if self.reap_all_at.is_some_and(|at| at <= now) | self.supervisor.reaps_again(now) {
            self.reap_all(now);
        }
        self.close_reaped(now);
        self.serve_user_signals(now);
        self.admit_waiting(now);
        // Not `now`: the pace is counted from the sending, and accept, fork and reap take time.
        self.deliver(Instant::now());
        let Hub { service, clients, channels, supervisor, .. } = self;
        service.end_turn(&mut Context { peers: clients.all(), channels, supervisor, now, gives_way: None });
        self.supervisor.end_turn(now);
    }

    fn handle(&mut self, event: Event, is_quiet: bool, now: Instant) {
        match event {
            Event::Supervisor(server::Event::Signal) => {
                // When the server stops, `close` reaps.
                if self.supervisor.take_signals() && self.supervisor.stop.is_none() {
                    self.reap(now);
                }
            }
            Event::Supervisor(server::Event::Listener(listener)) => self.accept(listener, now),
            Event::Supervisor(server::Event::LingeringClose) => self.supervisor.turns.progress(),
            Event::Supervisor(server::Event::Output) => {}
            Event::Pipe => drop(self.read_pipe(if is_quiet { 1 } else { CAPACITY }, now)),
            // Backs off on its own: `Connection::retry_at`.
            Event::Writable(pid) => {
                self.supervisor.turns.progress();
                self.clients.set_writable(pid);
            }
            Event::Departure(at) => {
                self.supervisor.turns.progress();
                self.clients.departures.set_writable(at);
            }
        }
    }

    fn serve_user_signals(&mut self, now: Instant) {
        let Hub { service, clients, channels, supervisor, .. } = self;
        for signal in std::mem::take(&mut supervisor.user_signals) {
            let peers = clients.all();
            service.on_signal(signal, &mut Context { peers, channels, supervisor, now, gives_way: None });
        }
    }

    fn watched(&self, now: Instant) -> impl Iterator<Item = (Event, PollFd<'_>)> {
        let pipe = sys::watch(self.reader.pipe.as_fd(), Interest::Read);
        let pipe = self.backpressure.paused_until.is_none().then_some((Event::Pipe, pipe));
        let blocked = self.clients.blocked(now).map(|(pid, fd)| (Event::Writable(pid), fd));
        let departures = self.clients.departures.watch(now).map(|(at, fd)| (Event::Departure(at), fd));
        let supervisor = self.supervisor.watched(true).map(|(event, fd)| (Event::Supervisor(event), fd));
        supervisor.chain(pipe).chain(blocked).chain(departures)
    }

    /// Time until the earliest deadline; `None`: there is none, as in an idle room.
    fn timeout(&self, now: Instant) -> Option<Duration> {
        let pacers = self.channels.all.iter().filter_map(|channel| channel.pacer.due()).min();
        let [clients, supervisor] = [self.clients.due(now), self.supervisor.due()];
        let Backpressure { paused_until, judge_at, .. } = self.backpressure;
        // Nothing may be left in the pipe, which `poll` then does not report.
        let reaped = (!self.reaped.is_empty() && paused_until.is_none()).then_some(now);
        let due = [pacers, clients, supervisor, paused_until, judge_at, self.reap_all_at, reaped];
        due.into_iter().flatten().min().map(|at| at.saturating_duration_since(now))
    }

    /// Reads the pipe until it is empty, or at least `enough` bytes have come or were made of them
    /// in one channel (an encoding may be longer than what it encodes); 1: one read. True if the
    /// pipe was found empty.
    pub(super) fn read_pipe(&mut self, enough: usize, now: Instant) -> bool {
        let before: Few<u64> = self.channels.all.iter().map(|channel| channel.log.end()).collect();
        let (mut bytes, mut is_empty) = (0, false);
        while bytes < enough && !is_empty {
            let read = self.read_packet(now);
            self.bytes_read += read as u64;
            is_empty = read == 0;
            let made = self.channels.all.iter().zip(&before).map(|(channel, end)| channel.log.end() - end);
            bytes = (bytes + read).max(made.max().unwrap_or_default() as usize);
        }
        self.backpressure.bytes += bytes;
        if bytes > 0 {
            self.supervisor.turns.progress();
        }
        is_empty
    }

    /// One read of the pipe; gives each record to the service. Returns the bytes read.
    fn read_packet(&mut self, now: Instant) -> usize {
        let Hub { service, reader, clients, channels, supervisor, forgeries, reap_all_at, .. } = self;
        let ReadOutcome { bytes, is_invalid } = reader.read(|record, key| {
            let Some((connection, client, peers)) = clients.split(record.pid, key) else {
                forgeries.handle(&record, key, clients, supervisor);
                return true;
            };
            if connection.left.is_some() {
                // Its last record said that its client has left.
                return false;
            }
            connection.is_held = record.kind == Kind::Held;
            if connection.is_held {
                sys::acknowledge(&connection.socket);
                return true;
            }
            if record.kind == Kind::Left {
                clients.note_left(&record);
                *reap_all_at = reap_all_at.or(Some(now + REAP_ALL_AFTER));
                return true;
            }
            if record.kind == Kind::Foreign {
                let Some(foreign) = Foreign::from_bytes(record.body) else { return false };
                if connection.is_open() {
                    let messages = supervisor.messages;
                    let reason = messages.foreign(&foreign);
                    supervisor.err.line(messages.refused_foreign(connection.pid, connection.peer, &reason));
                    connection.disconnect(service.answer_foreign(client, &foreign));
                }
                return true;
            }
            let mut context = Context { peers, channels, supervisor, now, gives_way: None };
            let is_valid = service.on_record(&record, connection, client, &mut context);
            if let Some(pid) = context.gives_way {
                give_place(pid, service, clients, channels, supervisor);
            }
            is_valid
        });
        if is_invalid {
            self.invalid_reads += 1;
            // Rate limit: the 1st, 2nd, 4th, 8th, ... is logged.
            if self.invalid_reads.is_power_of_two() {
                self.supervisor.err.line(self.supervisor.messages.bad_record(self.invalid_reads));
            }
        }
        bytes
    }

    fn deliver(&mut self, now: Instant) {
        let Hub { service, clients, channels, backpressure, supervisor, .. } = self;
        service.before_send(supervisor);
        backpressure.resume(clients, channels, now);
        let sent = |descriptor, bytes| service.on_sent(descriptor, bytes);
        let slow_readers = fan_out(clients, channels, backpressure, now, sent);
        backpressure.pause(now);
        clients.any_writable |= clients.departures.advance(channels, &mut supervisor.lingering, now);
        let starved = std::mem::take(&mut clients.starved);
        if starved > 0 {
            supervisor.err.line(supervisor.messages.no_memory_to_send(starved));
        }
        for pid in slow_readers {
            let Some((connection, client)) = clients.get_mut(pid) else { continue };
            let (Some(id), Some(lag)) = (connection.channel, connection.lag(channels, now)) else { continue };
            let unsent = connection.unsent_messages(&channels[id]);
            let last_words = service.on_slow_reader(connection, client, lag, unsent, supervisor);
            connection.disconnect(last_words);
        }
    }
}
