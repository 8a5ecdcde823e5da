//! The further pairs: a child for each, and how many of its places are taken, as far as the first process knows.

use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use anyhow::Context;

use super::connection::Connection;
use super::messages;
use super::worker::{self, SERVED};
use crate::server::Supervisor;
use crate::sys::{self, Ended, Interest, Pid, PollFd, Signal};

/// A further pair.
struct Child {
    pid: Pid,
    /// Its number: 2, 3, ...
    pair: usize,
    /// Through which it gets its clients; `None` once it is to end or is lost.
    link: Option<UnixStream>,
    /// How many of its places are taken.
    taken: usize,
}

/// All of them.
#[derive(Default)]
pub struct PairPool {
    children: Vec<Child>,
}

impl PairPool {
    /// How many places are taken in all.
    pub fn taken(&self) -> usize {
        self.children.iter().map(|child| child.taken).sum()
    }

    /// The children that may get clients: who, and how many of its places are taken.
    pub fn open(&self) -> impl Iterator<Item = (Pid, usize)> {
        self.children.iter().filter(|child| child.link.is_some()).map(|child| (child.pid, child.taken))
    }

    /// What to wait for, and whose it is.
    pub fn watch(&self) -> impl Iterator<Item = (Pid, PollFd<'_>)> {
        self.children.iter().filter_map(|child| {
            let link = child.link.as_ref()?;
            Some((child.pid, sys::watch(link.as_fd(), Interest::Read)))
        })
    }

    /// Makes a child for another pair.
    ///
    /// # Errors
    /// What socketpair(2) or fork(2) says.
    pub fn spawn(&mut self, supervisor: &mut Supervisor) -> io::Result<Pid> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        // Written before the fork, or it would be written twice.
        supervisor.flush();
        let Supervisor { signals, out, err, privileges, .. } = supervisor;
        let keep = [theirs.as_raw_fd(), out.number()];
        let pid = sys::spawn(signals, &keep, &privileges.sandbox, || {
            // Ctrl+C reaches every process of the terminal; the first one decides, and the link tells this one.
            sys::ignore_signal(Signal::SIGINT);
            out.forget();
            err.forget();
            worker::serve(&theirs, out)
        })?;
        let is_free = |pair: &usize| self.children.iter().all(|c| c.link.is_none() || c.pair != *pair);
        let pair = (2..).find(is_free).unwrap_or_default();
        supervisor.out.line(messages::new_pair(pair, pid));
        self.children.push(Child { pid, pair, link: Some(ours), taken: 0 });
        Ok(pid)
    }

    /// Passes a client's socket to a child, which has the only copy once `occupant` is dropped.
    ///
    /// # Errors
    /// The child is gone, as SIGCHLD will tell.
    pub fn pass(&mut self, pid: Pid, occupant: &Connection, supervisor: &mut Supervisor) -> io::Result<()> {
        let child = self.child(pid).ok_or(io::ErrorKind::BrokenPipe)?;
        let link = child.link.as_ref().ok_or(io::ErrorKind::BrokenPipe)?;
        sys::pass(link, occupant.socket().as_fd()).inspect_err(|_| child.link = None)?;
        child.taken += 1;
        supervisor.out.line(messages::passed(child.pair, pid, occupant.peer()));
        Ok(())
    }

    /// Reads what a child says: a byte for each place that became free. When both are, it is to end.
    pub fn hear(&mut self, pid: Pid) {
        let Some(child) = self.child(pid) else { return };
        let Some(mut link) = child.link.as_ref() else { return };
        match link.read(&mut [0; 64]) {
            Ok(n @ 1..) => {
                child.taken = child.taken.saturating_sub(n);
                if child.taken == 0 {
                    child.link = None;
                }
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            // It is gone, as SIGCHLD will tell.
            Ok(0) | Err(_) => child.link = None,
        }
    }

    /// Takes all ended children; their places are free.
    ///
    /// # Errors
    /// What waitpid(2) says when it fails, which it should not.
    pub fn reap(&mut self, supervisor: &mut Supervisor) -> anyhow::Result<()> {
        while let Some((pid, ended)) = sys::reap_one().context("waitpid")? {
            let Some(at) = self.children.iter().position(|child| child.pid == pid) else { continue };
            let pair = self.children.remove(at).pair;
            match ended {
                Ended::Status(SERVED) => supervisor.out.line(messages::pair_ended(pair, pid)),
                _ => supervisor.err.line(messages::pair_lost(pair, pid, ended)),
            }
        }
        Ok(())
    }

    /// Tells all children that the server ends.
    pub fn end(&mut self) {
        self.children.iter_mut().for_each(|child| child.link = None);
    }

    /// Waits until all have ended; those that have not at the `deadline` are killed.
    ///
    /// # Errors
    /// What poll(2) or waitpid(2) says when they fail, which they should not.
    pub fn wait(&mut self, deadline: Instant, supervisor: &mut Supervisor) -> anyhow::Result<()> {
        self.reap(supervisor)?;
        while !self.children.is_empty() && Instant::now() < deadline {
            let mut watched = [sys::watch(supervisor.signals.as_fd(), Interest::Read)];
            sys::wait(&mut watched, Some(deadline.saturating_duration_since(Instant::now())))
                .context("poll")?;
            supervisor.take_signals();
            self.reap(supervisor)?;
        }
        for child in &self.children {
            // Not SIGTERM: it would stay pending in a child that somebody has stopped.
            sys::kill(child.pid, Signal::SIGKILL);
            // An error could only say that it is no child any more.
            let _ = sys::reap_this(child.pid);
        }
        Ok(())
    }

    fn child(&mut self, pid: Pid) -> Option<&mut Child> {
        self.children.iter_mut().find(|child| child.pid == pid)
    }
}
