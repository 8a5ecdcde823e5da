//! First process with plain output: reads the keyboard and sends its lines.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::time::Instant;

use anyhow::{Context, bail};
use nix::errno::Errno;

use super::messages::MESSAGES;
use super::outgoing::{message, room_for_text};
use super::receiver::{ConnectionEnd, end_of};
use super::send_queue::SendQueue;
use crate::client::{GRACE, LineBuffer, PeerProcess, PeerStatus};
use crate::sys::{self, Interest, Signals};

pub struct Sender<'a> {
    pub signals: Signals,
    pseudo: &'a str,
    lines: LineBuffer,
    /// The keyboard is read only while this is empty (backpressure).
    pub queue: SendQueue,
    input_ended: bool,
}

/// Why a connection is not used any more.
enum StopReason {
    /// The second process has ended; `wanted`: after our half-close.
    ReceiverEnded {
        wanted: bool,
    },
    Signal,
    /// End of input, and everything is sent.
    InputEnded,
    /// The connection takes nothing any more.
    SendFailed,
}

impl Sender<'_> {
    pub fn new(signals: Signals, pseudo: &str) -> Sender<'_> {
        let lines = LineBuffer::new(room_for_text(pseudo));
        Sender { signals, pseudo, lines, queue: SendQueue::default(), input_ended: false }
    }

    /// Sends typed lines on `connection`, which `receiver` shares, until one of both is at its end.
    /// Reaps `receiver`.
    pub fn run(
        &mut self,
        connection: &TcpStream,
        mut receiver: PeerProcess,
    ) -> anyhow::Result<ConnectionEnd> {
        self.queue.restart_message();
        let reason = match self.send_lines(connection, &mut receiver) {
            Ok(StopReason::InputEnded) => {
                // The server sends what is left, and closes. Fails only when the connection is gone
                // already.
                let _ = connection.shutdown(Shutdown::Write);
                self.wait_for(&mut receiver, true)
            }
            Ok(StopReason::SendFailed) => self.wait_for(&mut receiver, false),
            reason => reason,
        };
        if let Ok(StopReason::ReceiverEnded { wanted }) = reason {
            return end_of(receiver.join().context("waitpid")?, wanted);
        }
        receiver.stop();
        match reason? {
            StopReason::InputEnded => bail!(MESSAGES.not_closed()),
            StopReason::SendFailed => Ok(ConnectionEnd::Lost(MESSAGES.broken())),
            StopReason::Signal | StopReason::ReceiverEnded { .. } => {
                Ok(ConnectionEnd::ByUser(MESSAGES.interrupted()))
            }
        }
    }

    fn send_lines(
        &mut self,
        connection: &TcpStream,
        receiver: &mut PeerProcess,
    ) -> anyhow::Result<StopReason> {
        let keyboard = io::stdin();
        while !(self.input_ended && self.queue.is_empty()) {
            let input_or_output = match self.queue.is_empty() {
                true => sys::watch(keyboard.as_fd(), Interest::Read),
                false => sys::watch(connection.as_fd(), Interest::Write),
            };
            let mut watched = [
                sys::watch(self.signals.as_fd(), Interest::Read),
                sys::watch(receiver.lifeline(), Interest::Read),
                input_or_output,
            ];
            sys::wait(&mut watched, None).context("poll")?;
            match watched.each_ref().map(sys::is_ready) {
                [true, _, _] if !self.signals.take().is_empty() => return Ok(StopReason::Signal),
                [_, true, _] if receiver.status() == PeerStatus::Ended => {
                    return Ok(self.receiver_ended(false));
                }
                [_, _, true] if self.queue.is_empty() => self.input_ended = self.read_keyboard()?,
                _ => {}
            }
            if self.queue.send(connection, drop).is_err() {
                return Ok(StopReason::SendFailed);
            }
        }
        Ok(StopReason::InputEnded)
    }

    /// One read. True at the end of input.
    fn read_keyboard(&mut self) -> anyhow::Result<bool> {
        let mut typed = [0; 4096];
        match nix::unistd::read(io::stdin(), &mut typed) {
            Ok(0) => {
                let last = self.lines.finish().map(|text| message(self.pseudo, &text));
                last.into_iter().for_each(|message| self.queue.push(message));
                Ok(true)
            }
            Ok(n) => {
                self.lines.feed(&typed[..n], |text| self.queue.push(message(self.pseudo, &text)));
                Ok(false)
            }
            Err(Errno::EINTR | Errno::EAGAIN) => Ok(false),
            Err(error) => Err(error).context(MESSAGES.no_keyboard()),
        }
    }

    /// Waits for the second process's end, [`GRACE`] at most: time in which it writes output does
    /// not count.
    fn wait_for(&mut self, receiver: &mut PeerProcess, wanted: bool) -> anyhow::Result<StopReason> {
        let mut left = GRACE;
        loop {
            let timeout = match receiver.status() {
                PeerStatus::Ended => return Ok(self.receiver_ended(wanted)),
                PeerStatus::Writing => None,
                PeerStatus::Idle if left.is_zero() => {
                    return Ok(if wanted { StopReason::InputEnded } else { StopReason::SendFailed });
                }
                PeerStatus::Idle => Some(left),
            };
            let signals = sys::watch(self.signals.as_fd(), Interest::Read);
            let mut watched = [signals, sys::watch(receiver.lifeline(), Interest::Read)];
            let begun = Instant::now();
            sys::wait(&mut watched, timeout).context("poll")?;
            if sys::is_ready(&watched[0]) && !self.signals.take().is_empty() {
                return Ok(StopReason::Signal);
            }
            if timeout.is_some() {
                left = left.saturating_sub(begun.elapsed());
            }
        }
    }

    /// A signal that reached both processes may have ended the other first.
    fn receiver_ended(&mut self, wanted: bool) -> StopReason {
        let is_signal = !self.signals.take().is_empty();
        if is_signal { StopReason::Signal } else { StopReason::ReceiverEnded { wanted } }
    }
}
