//! The children that serve further pairs, and how many clients each has, as known to the first
//! process.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::connection::Connection;
use super::messages;
use super::pair_worker::{self, SERVED};
use crate::server::Supervisor;
use crate::sys::{self, Ended, Interest, Pid, PollFd, Signal};

/// Deadline for a child to end after its link was closed: twice that of its lingering closes.
const END_TIMEOUT: Duration = Duration::from_secs(10);

struct Child {
    pid: Pid,
    /// Number of the pair: 2, 3, ...
    pair: usize,
    /// Passes clients to the child; `None` once it has to end or is lost.
    link: Option<UnixStream>,
    /// Then it is killed.
    end_by: Option<Instant>,
    /// Until it is reaped, or has reported that they have left.
    client_count: usize,
}

impl Child {
    fn close_link(&mut self, now: Instant) {
        (self.link, self.end_by) = (None, Some(now + END_TIMEOUT));
    }

    fn kill(&mut self) {
        sys::kill(self.pid, Signal::SIGKILL);
        (self.link, self.end_by) = (None, None);
    }
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

    /// The next deadline of [`PairPool::kill_overdue`].
    pub fn due(&self) -> Option<Instant> {
        self.children.iter().filter_map(|child| child.end_by).min()
    }

    pub fn spawn(&mut self, supervisor: &mut Supervisor) -> io::Result<()> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let keep = vec![theirs.as_raw_fd()];
        let pid = supervisor.spawn(keep, |out| pair_worker::serve(&theirs, out))?;
        let is_free = |pair: &usize| self.children.iter().all(|c| c.link.is_none() || c.pair != *pair);
        let pair = (2..).find(is_free).unwrap_or_default();
        supervisor.out.line(messages::new_pair(pair, pid));
        self.children.push(Child { pid, pair, link: Some(ours), end_by: None, client_count: 0 });
        Ok(())
    }

    /// Passes a client's socket to a child, which has the only copy once `client` is dropped. After
    /// an error it may succeed later, or the child is gone, as SIGCHLD will report.
    pub fn pass(
        &mut self,
        pid: Pid,
        client: &Connection,
        supervisor: &mut Supervisor,
        now: Instant,
    ) -> io::Result<()> {
        let child = self.child(pid).ok_or(io::ErrorKind::BrokenPipe)?;
        let link = child.link.as_ref().ok_or(io::ErrorKind::BrokenPipe)?;
        let passed = sys::pass(link, client.socket.as_fd());
        if passed.as_ref().is_err_and(is_gone) {
            child.close_link(now);
        }
        passed?;
        child.client_count += 1;
        supervisor.out.line(messages::passed(child.pair, pid, client.peer));
        Ok(())
    }

    /// Ends children without clients: a client for one has left before it was passed.
    pub fn close_empty(&mut self, now: Instant) {
        let empty = self.children.iter_mut().filter(|child| child.link.is_some() && child.client_count == 0);
        empty.for_each(|child| child.close_link(now));
    }

    /// Reads a child's link: a byte for each freed place. When both are free, the child has to end.
    /// More bytes than clients are forged.
    pub fn read_link(&mut self, pid: Pid, supervisor: &mut Supervisor, now: Instant) {
        let Some(child) = self.child(pid) else { return };
        let Some(link) = &child.link else { return };
        match sys::try_read(link, &mut [0; 64]) {
            Ok(None) => {}
            // The child is gone, as SIGCHLD will report.
            Ok(Some(0)) | Err(_) => child.close_link(now),
            Ok(Some(freed)) if freed > child.client_count => {
                supervisor.err.line(messages::forged_places(child.pair, pid));
                child.kill();
            }
            Ok(Some(freed)) => {
                child.client_count -= freed;
                if child.client_count == 0 {
                    child.close_link(now);
                }
            }
        }
    }

    /// Kills the children that had to end and have not.
    pub fn kill_overdue(&mut self, now: Instant) {
        let overdue = self.children.iter_mut().filter(|child| child.end_by.is_some_and(|at| at <= now));
        overdue.for_each(Child::kill);
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
        let left: Vec<Pid> = self.children.iter().map(|child| child.pid).collect();
        sys::kill_and_reap(&left);
    }

    fn child(&mut self, pid: Pid) -> Option<&mut Child> {
        self.children.iter_mut().find(|child| child.pid == pid)
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}
