//! The children of a server without shared state, and which of them gives way when all places are
//! taken.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::places::{Occupant, Silence, gives_way};
use super::source::source;
use crate::sys::{self, Pid, SharedNumbers, Signal};

/// Clocks beyond those of `--max-clients`: for children that have given way and are not reaped.
const SPARE: usize = 64;

#[derive(Debug)]
pub(super) struct Child {
    pub source: IpAddr,
    came: Instant,
    /// The index of its number in [`Children::heard`].
    clock: usize,
    /// It was killed, and its place is another's.
    pub gave_way: bool,
}

#[derive(Debug)]
pub(super) struct Children {
    all: BTreeMap<Pid, Child>,
    /// When each child's client was last heard: see [`LastHeard`].
    heard: SharedNumbers,
    started: Instant,
}

/// Where a child notes that its client was heard: in seconds from the server's start on, beginning
/// with 1; 0: not yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct LastHeard<'a> {
    seconds: &'a AtomicU32,
    started: Instant,
}

impl LastHeard<'_> {
    pub fn note(&self) {
        let seconds = u32::try_from(self.started.elapsed().as_secs()).unwrap_or(u32::MAX);
        self.seconds.store(seconds.saturating_add(1), Ordering::Relaxed);
    }

    /// Notes that it was not.
    pub fn forget(&self) {
        self.seconds.store(0, Ordering::Relaxed);
    }
}

impl Children {
    pub fn new(most: usize) -> io::Result<Children> {
        let heard = SharedNumbers::new(NonZeroUsize::MIN.saturating_add(most + SPARE))?;
        Ok(Children { all: BTreeMap::new(), heard, started: Instant::now() })
    }

    /// Those that have not given way.
    pub fn len(&self) -> usize {
        self.present().count()
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub fn count_from(&self, address: IpAddr) -> usize {
        let from = source(address);
        self.present().filter(|(_, child)| child.source == from).count()
    }

    pub fn pids(&self) -> impl Iterator<Item = Pid> {
        self.all.keys().copied()
    }

    /// A free clock for the next child, cleared.
    pub fn next_clock(&self) -> (usize, Option<LastHeard<'_>>) {
        let used: BTreeSet<usize> = self.all.values().map(|child| child.clock).collect();
        let at = (0..).find(|at| !used.contains(at)).unwrap_or_default();
        let seconds = self.heard.get(at).inspect(|seconds| seconds.store(0, Ordering::Relaxed));
        (at, seconds.map(|seconds| LastHeard { seconds, started: self.started }))
    }

    pub fn insert(&mut self, pid: Pid, address: IpAddr, clock: usize) {
        let child = Child { source: source(address), came: Instant::now(), clock, gave_way: false };
        self.all.insert(pid, child);
    }

    pub fn remove(&mut self, pid: Pid) -> Option<Child> {
        self.all.remove(&pid)
    }

    /// Kills a child that gives way to a newcomer: see [`gives_way`]. Returns it.
    pub fn make_place(&mut self, newcomer: IpAddr, now: Instant) -> Option<Pid> {
        let occupant =
            |(id, child): (Pid, &Child)| Occupant { id, source: child.source, silence: self.silence(child) };
        let pid = gives_way(self.present().map(occupant).collect(), newcomer, now)?;
        self.all.get_mut(&pid)?.gave_way = true;
        // Not SIGTERM, which stays pending in a stopped process.
        sys::kill(pid, Signal::SIGKILL);
        Some(pid)
    }

    fn silence(&self, child: &Child) -> Silence {
        let mut silence = Silence::new(child.came);
        let seconds = self.heard.get(child.clock).map_or(0, |seconds| seconds.load(Ordering::Relaxed));
        if let Some(seconds) = seconds.checked_sub(1) {
            silence.end(self.started + Duration::from_secs(seconds.into()));
        }
        silence
    }

    fn present(&self) -> impl Iterator<Item = (Pid, &Child)> {
        self.all.iter().filter(|(_, child)| !child.gave_way).map(|(&pid, child)| (pid, child))
    }
}
