//! The children that serve further pairs, and how many clients each has, as known to the first
//! process.

use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use super::connection::Connection;
use super::messages;
use super::pair_worker::{self, SERVED};
use crate::server::Supervisor;
use crate::sys::{self, Ended, Interest, Pid, PollFd};

struct Child {
    pid: Pid,
    /// Number of the pair: 2, 3, ...
    pair: usize,
    /// Passes clients to the child; `None` once it has to end or is lost.
    link: Option<UnixStream>,
    client_count: usize,
}

#[derive(Default)]
pub struct PairPool {
    children: Vec<Child>,
}

impl PairPool {
    pub fn client_count(&self) -> usize {
        self.children.iter().map(|child| child.client_count).sum()
    }

    /// The children that take clients, each with its number of clients.
    pub fn open_pairs(&self) -> impl Iterator<Item = (Pid, usize)> {
        let open = self.children.iter().filter(|child| child.link.is_some());
        open.map(|child| (child.pid, child.client_count))
    }

    pub fn watch(&self) -> impl Iterator<Item = (Pid, PollFd<'_>)> {
        self.children.iter().filter_map(|child| {
            let link = child.link.as_ref()?;
            Some((child.pid, sys::watch(link.as_fd(), Interest::Read)))
        })
    }

    pub fn spawn(&mut self, supervisor: &mut Supervisor) -> io::Result<Pid> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let keep = vec![theirs.as_raw_fd()];
        let pid = supervisor.spawn(keep, |out| pair_worker::serve(&theirs, out))?;
        let is_free = |pair: &usize| self.children.iter().all(|c| c.link.is_none() || c.pair != *pair);
        let pair = (2..).find(is_free).unwrap_or_default();
        supervisor.out.line(messages::new_pair(pair, pid));
        self.children.push(Child { pid, pair, link: Some(ours), client_count: 0 });
        Ok(pid)
    }

    /// Passes a client's socket to a child, which has the only copy once `client` is dropped. An
    /// error means that the child is gone, as SIGCHLD will report.
    pub fn pass(&mut self, pid: Pid, client: &Connection, supervisor: &mut Supervisor) -> io::Result<()> {
        let child = self.child(pid).ok_or(io::ErrorKind::BrokenPipe)?;
        let link = child.link.as_ref().ok_or(io::ErrorKind::BrokenPipe)?;
        sys::pass(link, client.socket.as_fd()).inspect_err(|_| child.link = None)?;
        child.client_count += 1;
        supervisor.out.line(messages::passed(child.pair, pid, client.peer));
        Ok(())
    }

    /// Reads a child's link: a byte for each freed place. When both are free, the child has to end.
    pub fn read_link(&mut self, pid: Pid) {
        let Some(child) = self.child(pid) else { return };
        let Some(mut link) = child.link.as_ref() else { return };
        match link.read(&mut [0; 64]) {
            Ok(n @ 1..) => {
                child.client_count = child.client_count.saturating_sub(n);
                if child.client_count == 0 {
                    child.link = None;
                }
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            // The child is gone, as SIGCHLD will report.
            Ok(0) | Err(_) => child.link = None,
        }
    }

    pub fn reap(&mut self, supervisor: &mut Supervisor, now: Instant) {
        while let Some((pid, ended)) = supervisor.reap_one(now) {
            let Some(at) = self.children.iter().position(|child| child.pid == pid) else { continue };
            let pair = self.children.remove(at).pair;
            if ended == Ended::Status(SERVED) || supervisor.ends_with_server(ended) {
                supervisor.out.line(messages::pair_ended(pair, pid));
            } else {
                supervisor.err.line(messages::pair_lost(pair, pid, ended));
            }
        }
    }

    pub fn close_links(&mut self) {
        self.children.iter_mut().for_each(|child| child.link = None);
    }

    /// Waits until all have ended; kills the rest at the `deadline`.
    pub fn wait(&mut self, deadline: Instant, supervisor: &mut Supervisor) {
        self.reap(supervisor, Instant::now());
        while !self.children.is_empty() && Instant::now() < deadline {
            supervisor.wait_for_signal(deadline);
            self.reap(supervisor, Instant::now());
        }
        self.children.iter().for_each(|child| sys::kill_and_reap(child.pid));
    }

    fn child(&mut self, pid: Pid) -> Option<&mut Child> {
        self.children.iter_mut().find(|child| child.pid == pid)
    }
}
