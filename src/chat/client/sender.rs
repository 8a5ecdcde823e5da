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
use crate::client::{
    Connecting, Connector, EventLoop, LineBuffer, PeerProcess, PeerStatus, Sources, UiSources,
    connect_while_idle,
};
use crate::sys::{self, Interest, PollFd, Signals};

pub struct Sender<'a> {
    pub events: EventLoop,
    pseudo: &'a str,
    lines: LineBuffer,
    /// The keyboard is read only while this is empty (backpressure).
    pub queue: SendQueue,
    echoes: PendingEchoes,
    input_ended: bool,
    has_half_closed: bool,
    /// At the end of the grace period: whether the server had closed.
    had_closed: Option<bool>,
}

impl Sender<'_> {
    pub fn new(signals: Signals, pseudo: &str) -> Sender<'_> {
        let lines = LineBuffer::new(room_for_text(pseudo));
        let (queue, echoes) = (SendQueue::default(), PendingEchoes::default());
        let events = EventLoop::new(signals);
        Sender {
            events,
            pseudo,
            lines,
            queue,
            echoes,
            input_ended: false,
            has_half_closed: false,
            had_closed: None,
        }
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
        (self.had_closed, self.has_half_closed) = (None, false);
        let end = self.send_lines(connection, &mut receiver).transpose();
        self.note_echoes(connection, &mut receiver);
        match end {
            None => {
                // After our own shutdown, late bytes of the server break the connection.
                let has_given_up = self.had_closed == Some(false);
                // Without our half-close, a server that closes may not have read all.
                let is_taken = self.has_half_closed || self.echoes.is_empty();
                let is_wanted = self.has_sent_all() && is_taken && !has_given_up;
                let end = end_of(receiver.join().context("waitpid")?, is_wanted)?;
                if has_given_up { self.not_closed() } else { Ok(end) }
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

    pub fn has_sent_all(&self) -> bool {
        self.input_ended && self.queue.messages.is_empty()
    }

    /// Connects again. `None`: interrupted, or the end of input, and nothing is left to be sent.
    pub fn reconnect(&mut self, connector: &mut Connector) -> anyhow::Result<Option<TcpStream>> {
        let keyboard = io::stdin();
        loop {
            let input = self.queue.messages.is_empty().then(|| keyboard.as_fd());
            match connect_while_idle(MESSAGES, connector, &mut self.events.signals, input)? {
                Connecting::Connected(connection) => return Ok(Some(connection)),
                Connecting::Interrupted => return Ok(None),
                Connecting::InputReady => self.input_ended = self.read_keyboard()?,
            }
            if self.has_sent_all() {
                return Ok(None);
            }
        }
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
                self.wait(receiver, [Some(input_or_output), end])?;
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
    /// what is left, and closes. Waits for the second process's end, until the grace period is
    /// over. `None`: it has ended.
    ///
    /// It half-closes at no time in which the second process writes output: a server that has
    /// closed keeps what is left for a bounded time.
    fn wait_for(
        &mut self,
        connection: &TcpStream,
        receiver: &mut PeerProcess,
    ) -> anyhow::Result<Option<ConnectionEnd>> {
        self.events.start_grace();
        receiver.resume();
        let mut may_half_close = self.has_sent_all();
        loop {
            let status = receiver.status();
            self.note_echoes(connection, receiver);
            if status == PeerStatus::Ended {
                return Ok(self.interrupted());
            }
            let is_idle = status == PeerStatus::Idle;
            let quiet = if self.echoes.is_empty() { Duration::ZERO } else { self.events.until_quiet() };
            if is_idle && may_half_close && quiet.is_zero() {
                // Fails only when the connection is gone already.
                let _ = connection.shutdown(Shutdown::Write);
                (may_half_close, self.has_half_closed) = (false, true);
            }
            self.events.extend_on_progress(connection);
            if self.events.is_grace_over() {
                if self.had_closed.is_some() {
                    return self.not_closed().map(Some);
                }
                self.give_up(connection, receiver);
            }
            let has_news = self.wait_in_grace(receiver, is_idle, may_half_close.then_some(quiet))?;
            if let Some(end) = self.interrupted() {
                return Ok(Some(end));
            }
            if has_news && self.had_closed.is_none() {
                self.events.extend_grace();
            }
        }
    }

    /// The second process shows what it has not read (it was stopped), and what it holds, and ends.
    fn give_up(&mut self, connection: &TcpStream, receiver: &PeerProcess) {
        self.had_closed = Some(sys::has_ended(connection));
        let _ = connection.shutdown(Shutdown::Both);
        receiver.resume();
        self.events.start_grace();
    }

    /// Waits for a signal, news of the second process (true), the grace period or `timeout`.
    fn wait_in_grace(
        &mut self,
        receiver: &PeerProcess,
        is_idle: bool,
        timeout: Option<Duration>,
    ) -> anyhow::Result<bool> {
        let ui = UiSources { keyboard: None, screen: None, has_room: is_idle, timeout: None };
        let sources = Sources { ui, incoming: Some(receiver.lifeline()), outgoing: None };
        let ready = self.events.wait(sources, [timeout.filter(|_| is_idle)]).context(MESSAGES.stuck())?;
        Ok(ready.incoming)
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

    /// Waits for a signal, news of the second process, or `others`. Returns which of them are
    /// ready.
    fn wait(
        &self,
        receiver: &PeerProcess,
        [first, second]: [Option<PollFd>; 2],
    ) -> anyhow::Result<[bool; 4]> {
        let signals = sys::watch(self.events.signals.as_fd(), Interest::Read);
        let lifeline = sys::watch(receiver.lifeline(), Interest::Read);
        let ready = sys::wait_for_some([Some(signals), Some(lifeline), first, second], None);
        let [has_signal, has_news, first, second] = ready.context(MESSAGES.stuck())?;
        // A poll that fails reports no signal.
        Ok([has_signal || self.events.signals.is_raised(), has_news, first, second])
    }

    /// Ended by a signal; it may have reached both processes and ended the other first. Echoes are
    /// not waited for.
    fn interrupted(&mut self) -> Option<ConnectionEnd> {
        if self.events.signals.take().is_empty() {
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
