//! The way to the server, while there is one and while there is none. Two processes either way: the second listens to the server,
//! or only watches over the terminal.

use std::io;
use std::net::TcpStream;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use super::listener::{guard, listen};
use crate::client::{Dial, Screen};
use crate::sys::{Signals, TerminalModes};

/// The connection, or the search for one, and the second process.
#[derive(Debug)]
pub enum Link<'a> {
    /// There is a server.
    Up {
        /// The connection, descriptor 3 in both processes.
        connection: TcpStream,
        /// The process that listens to it.
        second: Screen,
    },
    /// There is none yet, or none any more.
    Down {
        /// The next tries.
        dial: Dial<'a>,
        /// The process that watches over the terminal.
        second: Screen,
    },
}

impl<'a> Link<'a> {
    /// Two processes on `connection`.
    ///
    /// # Errors
    /// What fork(2) says.
    pub fn up(connection: TcpStream, signals: &Signals, modes: &TerminalModes) -> io::Result<Link<'a>> {
        let second =
            Screen::start(signals, &connection, |connection, parent| listen(connection, parent, modes))?;
        Ok(Link::Up { connection, second })
    }

    /// Two processes without a connection, which is looked for by `dial`.
    ///
    /// # Errors
    /// What fork(2) says.
    pub fn down(dial: Dial<'a>, signals: &Signals, modes: &TerminalModes) -> io::Result<Link<'a>> {
        let second = Screen::start(signals, &io::stdin(), |_, parent| guard(parent, modes))?;
        Ok(Link::Down { dial, second })
    }

    /// The connection, where there is one.
    pub fn connection(&self) -> Option<&TcpStream> {
        match self {
            Link::Up { connection, .. } => Some(connection),
            Link::Down { .. } => None,
        }
    }

    /// The socket to wait for, and for how long at most, while a server is looked for.
    pub fn search(&self) -> (Option<BorrowedFd<'_>>, Option<Duration>) {
        match self {
            Link::Up { .. } => (None, None),
            Link::Down { dial, .. } => (dial.socket(), Some(dial.patience())),
        }
    }

    /// Looks on for a server. The connection, once it stands.
    pub fn advance(&mut self) -> Option<TcpStream> {
        match self {
            Link::Up { .. } => None,
            Link::Down { dial, .. } => dial.advance(),
        }
    }

    /// The second process.
    pub fn second(&mut self) -> &mut Screen {
        match self {
            Link::Up { second, .. } | Link::Down { second, .. } => second,
        }
    }

    /// The same, for its end. The connection is closed.
    pub fn into_second(self) -> Screen {
        match self {
            Link::Up { second, .. } | Link::Down { second, .. } => second,
        }
    }

    /// To wait for what the second process hands over.
    pub fn lifeline(&self) -> BorrowedFd<'_> {
        match self {
            Link::Up { second, .. } | Link::Down { second, .. } => second.lifeline(),
        }
    }
}
