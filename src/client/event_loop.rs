//! Poll loop of a client on one thread: signals, keyboard, server and screen, none of which blocks
//! the others.
//!
//! Used by the labs' one-process clients ([`super::session`]) and by the messenger on a terminal
//! ([`crate::chat::client`]). Each turn of theirs waits here, takes the signals, and then serves
//! the sources that are ready.

use std::io;
use std::net::TcpStream;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::poll::PollFd;

use super::signals;
use crate::sys::{self, Interest, Signal, Signals};

/// Time for the server to close, once the input has ended and everything is sent.
const GRACE: Duration = Duration::from_secs(5);

/// Time before the half-close in which an answer may still come: some forwarders, as nginx's
/// `stream`, then close both ways at once.
const QUIET: Duration = Duration::from_millis(300);

/// Time for a server that goes on sending after the end of input.
const ANSWERING: Duration = Duration::from_secs(60);

/// Time between two looks at what the server has acknowledged.
const LOOK: Duration = Duration::from_secs(1);

/// A turn that takes this much longer than its timeout: the process was stopped, or held up by its
/// output.
const HELD_UP: Duration = Duration::from_secs(1);

/// Its deadlines are times of its own clock, which stands still while the server is not read: the
/// reader of the output (`| less`) takes its time, or the process is stopped (Ctrl+Z).
#[derive(Debug)]
pub struct EventLoop {
    pub signals: Signals,
    /// That clock: time since the start.
    now: Duration,
    /// End of the last [`EventLoop::wait`].
    turned_at: Instant,
    /// Time of the last bytes sent, or of the start of the grace period.
    sent_at: Duration,
    half_closed_at: Option<Duration>,
    grace: Option<Grace>,
    /// Bytes sent, as far as [`EventLoop::note_sent`] was told, and of them those that were
    /// acknowledged at the last look in the grace period.
    sent: u64,
    acknowledged: Option<i128>,
}

#[derive(Debug)]
struct Grace {
    since: Duration,
    /// Time of the last bytes of the server, for [`ANSWERING`] after `since`.
    heard_at: Duration,
    /// It is over, and one more poll has found nothing to read, unless it was [`ANSWERING`].
    is_over: bool,
}

/// End of a client that is no error.
#[derive(Debug)]
pub enum Exit {
    /// To be reported on standard error, with status 0.
    Normal(String),
    /// The default action of this signal is still to be taken.
    Signal(Signal),
}

/// Descriptors to wait for in this turn.
pub struct Sources<'a> {
    pub ui: UiSources<'a>,
    /// To be read: the connection, or the process that reads it.
    pub incoming: Option<BorrowedFd<'a>>,
    /// The connection, to take bytes or while it is being established.
    pub outgoing: Option<PollFd<'a>>,
}

/// The descriptors of the user interface.
pub struct UiSources<'a> {
    /// `None` once it has hung up.
    pub keyboard: Option<BorrowedFd<'a>>,
    /// Has output to take.
    pub screen: Option<BorrowedFd<'a>>,
    /// False while so much output is pending that the server is not to be read (backpressure).
    pub has_room: bool,
    /// Longest time to wait before the next turn.
    pub timeout: Option<Duration>,
}

/// Sources on which something can be done.
pub struct Ready {
    pub keyboard: bool,
    pub incoming: bool,
    pub outgoing: bool,
    pub screen: bool,
}

impl EventLoop {
    pub fn new(signals: Signals) -> EventLoop {
        let (now, turned_at) = (Duration::ZERO, Instant::now());
        EventLoop {
            signals,
            now,
            turned_at,
            sent_at: now,
            half_closed_at: None,
            grace: None,
            sent: 0,
            acknowledged: None,
        }
    }

    /// Time since the start, by a clock that stands still while the server is not read.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// Waits until a source is ready, a signal comes, or the shortest of the timeouts or the grace
    /// period is over.
    pub fn wait<const N: usize>(
        &mut self,
        sources: Sources,
        timeouts: [Option<Duration>; N],
    ) -> io::Result<Ready> {
        let read = |fd| sys::watch(fd, Interest::Read);
        let watched = [
            Some(read(self.signals.as_fd())),
            sources.ui.keyboard.map(read),
            sources.incoming.map(read),
            sources.outgoing,
            sources.ui.screen.map(|screen| sys::watch(screen, Interest::Write)),
        ];
        let running = self.grace.as_ref().filter(|_| sources.ui.has_room);
        let grace = running.map(|grace| GRACE.saturating_sub(self.now - grace.heard_at));
        let look = grace.map(|_| LOOK);
        let timeout = timeouts.into_iter().chain([sources.ui.timeout, grace, look]).flatten().min();
        let [_, keyboard, incoming, outgoing, screen] = sys::wait_for_some(watched, timeout)?;
        let turn = std::mem::replace(&mut self.turned_at, Instant::now()).elapsed();
        let is_held_up = timeout.is_some_and(|timeout| turn > timeout + HELD_UP);
        if sources.ui.has_room && !is_held_up {
            self.now += turn;
        }
        if let Some(running) = &mut self.grace {
            let is_due = grace.is_some_and(|left| left.is_zero());
            running.is_over = is_due && (!incoming || self.now - running.since >= ANSWERING);
        }
        Ok(Ready { keyboard, incoming, outgoing, screen })
    }

    /// Passes the signals of the terminal to `handle`. Returns the first that ends the client.
    pub fn take_signals(
        &mut self,
        mut handle: impl FnMut(Signal) -> io::Result<()>,
    ) -> anyhow::Result<Option<Signal>> {
        // Others may have come while one of them stopped the process.
        loop {
            let taken = self.signals.take();
            if taken.is_empty() {
                return Ok(None);
            }
            for signal in taken {
                if !signals::TERMINAL.contains(&signal) {
                    return Ok(Some(signal));
                }
                handle(signal).context("tcsetattr")?;
            }
        }
    }

    pub fn note_sent(&mut self, bytes: usize) {
        self.sent_at = self.now;
        self.sent += bytes as u64;
    }

    /// The rest of [`QUIET`] since the last bytes sent, or since the start of the grace period.
    pub fn until_quiet(&self) -> Duration {
        QUIET.saturating_sub(self.now - self.sent_at)
    }

    pub fn note_half_close(&mut self) {
        self.half_closed_at = Some(self.now);
    }

    pub fn since_half_close(&self) -> Option<Duration> {
        self.half_closed_at.map(|at| self.now - at)
    }

    /// Starts the grace period, or starts it anew. Time before does not count.
    pub fn start_grace(&mut self) {
        (self.sent_at, self.turned_at) = (self.now, Instant::now());
        self.grace = Some(Grace { since: self.now, heard_at: self.now, is_over: false });
    }

    /// Starts a running grace period anew.
    pub fn restart_grace(&mut self) {
        if self.is_in_grace() {
            self.start_grace();
        }
    }

    /// Prolongs a running grace period: the server is still answering.
    pub fn extend_grace(&mut self) {
        let now = self.now;
        if let Some(grace) = self.grace.as_mut().filter(|grace| now - grace.since < ANSWERING) {
            (grace.heard_at, grace.is_over) = (now, false);
        }
    }

    /// Starts a running grace period anew where the server has acknowledged more: a slow path. To
    /// be called in each turn.
    pub fn extend_on_progress(&mut self, connection: &TcpStream) {
        if let Some(grace) = &mut self.grace {
            let acknowledged = i128::from(self.sent) - sys::unacknowledged(connection) as i128;
            let before = self.acknowledged.replace(acknowledged);
            if before.is_some_and(|before| acknowledged > before) {
                *grace = Grace { since: self.now, heard_at: self.now, is_over: false };
            }
        }
    }

    pub fn is_in_grace(&self) -> bool {
        self.grace.is_some()
    }

    pub fn is_grace_over(&self) -> bool {
        self.grace.as_ref().is_some_and(|grace| grace.is_over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsFd;

    /// One turn with `incoming` in the grace period, `since_start` after it began, and
    /// `since_heard` after the last bytes; `None`: while the output takes nothing. Returns whether
    /// it is over.
    fn is_over(incoming: Option<BorrowedFd>, since_start: Duration, since_heard: Duration) -> bool {
        let mut events = EventLoop::new(Signals::catch(&[], 0).unwrap());
        events.start_grace();
        events.now += since_start;
        events.grace.as_mut().unwrap().heard_at = events.now - since_heard;
        let (has_room, timeout) = (incoming.is_some(), Some(Duration::ZERO));
        let ui = UiSources { keyboard: None, screen: None, has_room, timeout };
        events.wait(Sources { ui, incoming, outgoing: None }, []).unwrap();
        events.is_grace_over()
    }

    #[test]
    fn the_grace_period_is_over_once_nothing_is_left_to_read_or_after_a_minute_of_it() {
        let (reader, mut writer) = io::pipe().unwrap();
        let (second, minute) = (Duration::from_secs(1), ANSWERING + GRACE);
        let incoming = Some(reader.as_fd());
        assert!(!is_over(incoming, second, second));
        assert!(is_over(incoming, GRACE, GRACE));
        assert!(!is_over(None, GRACE, GRACE));
        writer.write_all(b"more").unwrap();
        assert!(!is_over(incoming, GRACE, GRACE));
        assert!(!is_over(incoming, minute, second));
        assert!(is_over(incoming, minute, GRACE));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_grace_period_starts_anew_where_the_server_has_acknowledged_more() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        // More than the server's buffer holds, and it reads nothing.
        while sys::try_send(&client, &[0; 65536]).unwrap() > 0 {}
        let mut events = EventLoop::new(Signals::catch(&[], 0).unwrap());
        events.start_grace();
        events.extend_on_progress(&client);
        let started_anew = |events: &mut EventLoop| {
            events.now += GRACE / 2;
            events.extend_on_progress(&client);
            events.grace.as_ref().is_some_and(|grace| grace.heard_at == events.now)
        };
        // Segments on their way are acknowledged first.
        while started_anew(&mut events) {
            std::thread::yield_now();
        }
        let mut read = [0; 65536];
        while !started_anew(&mut events) {
            std::io::Read::read(&mut server, &mut read).unwrap();
        }
    }

    #[test]
    fn the_clock_stands_still_while_the_output_takes_nothing_and_in_a_turn_that_was_held_up() {
        let mut events = EventLoop::new(Signals::catch(&[], 0).unwrap());
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(b"more").unwrap();
        let mut goes_on = |timeout: Duration, has_room| {
            let before = events.now;
            events.turned_at = Instant::now().checked_sub(2 * HELD_UP).unwrap();
            let ui = UiSources { keyboard: None, screen: None, has_room, timeout: Some(timeout) };
            events.wait(Sources { ui, incoming: Some(reader.as_fd()), outgoing: None }, []).unwrap();
            events.now > before
        };
        let hour = Duration::from_secs(3600);
        assert!(goes_on(hour, true));
        assert!(!goes_on(hour, false));
        assert!(!goes_on(Duration::ZERO, true));
    }
}
