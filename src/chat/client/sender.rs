//! First process with plain output: reads the keyboard and sends its lines.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::messages::MESSAGES;
use super::outgoing::{message, room_for_text};
use super::pending_echoes::PendingEchoes;
use super::receiver::{ConnectionEnd, end_of};
use super::send_queue::SendQueue;
use crate::client::{ANSWERING, GRACE, HELD_UP, LineBuffer, PeerProcess, PeerStatus, QUIET, has_taken_more};
use crate::sys::{self, Interest, PollFd, Signals};

pub struct Sender<'a> {
    pub signals: Signals,
    pseudo: &'a str,
    lines: LineBuffer,
    /// The keyboard is read only while this is empty (backpressure).
    pub queue: SendQueue,
    echoes: PendingEchoes,
    input_ended: bool,
    /// The server has not closed in the grace period.
    has_given_up: bool,
}

impl Sender<'_> {
    pub fn new(signals: Signals, pseudo: &str) -> Sender<'_> {
        let lines = LineBuffer::new(room_for_text(pseudo));
        let (queue, echoes) = (SendQueue::default(), PendingEchoes::default());
        Sender { signals, pseudo, lines, queue, echoes, input_ended: false, has_given_up: false }
    }

    /// Messages that may be lost with the connection that has come to this `end`. The room may have
    /// heard them.
    pub fn unheard(&mut self, end: &anyhow::Result<ConnectionEnd>) -> Vec<Vec<u8>> {
        if let Ok(ConnectionEnd::ByUser(_)) = end {
            return self.echoes.end_in_order();
        }
        self.queue.take_partial().into_iter().for_each(|message| note_sent(&mut self.echoes, message));
        self.echoes.end()
    }

    /// Sends typed lines on `connection`, which `receiver` shares, until one of both is at its end.
    /// Reaps `receiver`.
    pub fn run(
        &mut self,
        connection: &TcpStream,
        mut receiver: PeerProcess,
    ) -> anyhow::Result<ConnectionEnd> {
        let end = self.send_lines(connection, &mut receiver).transpose();
        self.note_echoes(connection, &mut receiver);
        match end {
            None => {
                // After our own shutdown, late bytes of the server break the connection.
                let is_wanted = self.has_sent_all() && !self.has_given_up;
                let end = end_of(receiver.join().context("waitpid")?, is_wanted)?;
                if self.has_given_up { self.not_closed() } else { Ok(end) }
            }
            Some(end) => {
                receiver.stop();
                end
            }
        }
    }

    fn note_echoes(&mut self, connection: &TcpStream, receiver: &mut PeerProcess) {
        let reports = receiver.take_reports();
        if reports.is_empty() {
            return;
        }
        let now = Instant::now();
        self.echoes.acknowledged_all_but(sys::unacknowledged(connection));
        self.echoes.overdue(now);
        for message in reports {
            self.echoes.received(&message, now);
        }
    }

    fn has_sent_all(&self) -> bool {
        self.input_ended && self.queue.messages.is_empty()
    }

    /// `None`: the second process has ended.
    fn send_lines(
        &mut self,
        connection: &TcpStream,
        receiver: &mut PeerProcess,
    ) -> anyhow::Result<Option<ConnectionEnd>> {
        let (keyboard, socket, mut has_ended) = (io::stdin(), connection.as_fd(), false);
        while !self.has_sent_all() {
            let input_or_output = match self.queue.messages.is_empty() {
                true => sys::watch(keyboard.as_fd(), Interest::Read),
                false => sys::watch(socket, Interest::Write),
            };
            let end = (!has_ended).then(|| sys::watch(socket, Interest::End));
            let [has_signal, has_news, is_ready, is_at_end] =
                self.wait(receiver, [Some(input_or_output), end], None)?;
            if is_at_end {
                // The second process reports it once it has read everything.
                receiver.resume();
                has_ended = true;
            }
            if has_signal && let Some(end) = self.interrupted() {
                return Ok(Some(end));
            }
            if has_news && receiver.status() == PeerStatus::Ended {
                return Ok(self.interrupted());
            }
            self.note_echoes(connection, receiver);
            if is_ready && self.queue.messages.is_empty() {
                self.input_ended = self.read_keyboard()?;
            }
            let echoes = &mut self.echoes;
            if self.queue.send(connection, |message| note_sent(echoes, message)).is_err() {
                return self.wait_for(connection, receiver);
            }
        }
        self.wait_for(connection, receiver)
    }

    /// One read. True at the end of input.
    fn read_keyboard(&mut self) -> anyhow::Result<bool> {
        let mut typed = [0; 4096];
        match sys::read_some(io::stdin(), &mut typed).context(MESSAGES.no_keyboard())? {
            None => Ok(false),
            Some(0) => {
                let last = self.lines.finish().map(|text| message(self.pseudo, &text));
                last.into_iter().for_each(|message| self.queue.messages.push_back(message));
                Ok(true)
            }
            Some(n) => {
                let queue = &mut self.queue.messages;
                self.lines.feed(&typed[..n], |text| queue.push_back(message(self.pseudo, &text)));
                Ok(false)
            }
        }
    }

    /// Half-closes where all is sent and an answer may not come any more, so that the server sends
    /// what is left, and closes. Waits for the second process's end: [`GRACE`] after the last output,
    /// for [`ANSWERING`] in all, or after the server has last acknowledged something. `None`: it has
    /// ended.
    ///
    /// Time in which it writes output does not count, and it half-closes in no such time: a server
    /// that has closed keeps what is left for a bounded time. Time in which both were stopped
    /// (Ctrl+Z) does not count either.
    fn wait_for(
        &mut self,
        connection: &TcpStream,
        receiver: &mut PeerProcess,
    ) -> anyhow::Result<Option<ConnectionEnd>> {
        let (mut left, mut since_start, mut is_last) = (GRACE, Duration::ZERO, false);
        let mut unacknowledged = usize::MAX;
        let mut quiet = self.has_sent_all().then_some(QUIET);
        receiver.resume();
        loop {
            let status = receiver.status();
            self.note_echoes(connection, receiver);
            let is_idle = status == PeerStatus::Idle;
            if is_idle && quiet.take_if(|left| self.echoes.is_empty() || left.is_zero()).is_some() {
                // Fails only when the connection is gone already.
                let _ = connection.shutdown(Shutdown::Write);
            }
            let timeout = match status {
                PeerStatus::Ended => return Ok(self.interrupted()),
                PeerStatus::Writing => None,
                PeerStatus::Idle if !left.is_zero() => Some(left),
                PeerStatus::Idle if has_taken_more(connection, &mut unacknowledged) => {
                    left = GRACE;
                    Some(left)
                }
                PeerStatus::Idle if !is_last => {
                    // The second process shows what it has not read (it was stopped), and what it
                    // holds, and ends.
                    (left, is_last, self.has_given_up) = (GRACE, true, !sys::has_ended(connection));
                    let _ = connection.shutdown(Shutdown::Both);
                    receiver.resume();
                    Some(left)
                }
                PeerStatus::Idle => return self.not_closed().map(Some),
            };
            let begun = Instant::now();
            let wait = timeout.map(|left| quiet.map_or(left, |quiet| left.min(quiet)));
            let [has_signal, has_news, ..] = self.wait(receiver, [None, None], wait)?;
            if has_signal && let Some(end) = self.interrupted() {
                return Ok(Some(end));
            }
            let waited = begun.elapsed();
            let was_stopped = waited > wait.unwrap_or_default() + HELD_UP;
            since_start += if was_stopped { Duration::ZERO } else { waited };
            if is_idle && !was_stopped {
                left = left.saturating_sub(waited);
                quiet = quiet.map(|left| left.saturating_sub(waited));
            }
            if has_news && !is_last && since_start < ANSWERING {
                left = GRACE;
            }
        }
    }

    /// The end of a connection that the server has not closed in the grace period.
    fn not_closed(&self) -> anyhow::Result<ConnectionEnd> {
        match self.has_sent_all() {
            // The room has all: some courses' servers leave a connection open, since later children
            // hold it.
            true if self.echoes.is_empty() => Ok(ConnectionEnd::ByUser(MESSAGES.not_closed())),
            true => bail!(MESSAGES.not_closed()),
            false => Ok(ConnectionEnd::Lost(MESSAGES.broken())),
        }
    }

    /// Waits for a signal, news of the second process, or `others`. Returns which of them are ready.
    fn wait(
        &self,
        receiver: &PeerProcess,
        [first, second]: [Option<PollFd>; 2],
        timeout: Option<Duration>,
    ) -> anyhow::Result<[bool; 4]> {
        let signals = sys::watch(self.signals.as_fd(), Interest::Read);
        let lifeline = sys::watch(receiver.lifeline(), Interest::Read);
        let ready = sys::wait_for_some([Some(signals), Some(lifeline), first, second], timeout);
        let [has_signal, has_news, first, second] = ready.context(MESSAGES.stuck())?;
        // A poll that fails reports no signal.
        Ok([has_signal || self.signals.is_raised(), has_news, first, second])
    }

    /// Ended by a signal; it may have reached both processes and ended the other first. Echoes are
    /// not waited for.
    fn interrupted(&mut self) -> Option<ConnectionEnd> {
        if self.signals.take().is_empty() {
            return None;
        }
        self.echoes = PendingEchoes::default();
        Some(ConnectionEnd::ByUser(MESSAGES.interrupted()))
    }
}

/// `message` has its NUL.
fn note_sent(echoes: &mut PendingEchoes, mut message: Vec<u8>) {
    message.pop();
    echoes.sent(message, Instant::now());
}
