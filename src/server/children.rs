//! The children of a server without shared state, and which of them gives way when all places are
//! taken.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU8, Ordering};

use super::source::{oldest_of_heaviest, source};
use crate::sys::{self, Pid, SharedFlags, Signal};

/// Flags beyond those of `--max-clients`: for children that have given way and are not reaped.
const SPARE: usize = 64;

#[derive(Debug)]
pub(super) struct Child {
    pub source: IpAddr,
    /// Counts the children, in the order in which they came.
    number: u64,
    /// The index of its flag: its client has sent something.
    flag: usize,
    /// It was killed, and its place is another's.
    pub gave_way: bool,
}

#[derive(Debug)]
pub(super) struct Children {
    all: BTreeMap<Pid, Child>,
    flags: SharedFlags,
    next: u64,
}

impl Children {
    pub fn new(most: usize) -> io::Result<Children> {
        let flags = SharedFlags::new(NonZeroUsize::MIN.saturating_add(most + SPARE))?;
        Ok(Children { all: BTreeMap::new(), flags, next: 0 })
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

    /// A free flag for the next child, cleared.
    pub fn next_flag(&self) -> (usize, Option<&AtomicU8>) {
        let used: BTreeSet<usize> = self.all.values().map(|child| child.flag).collect();
        let at = (0..).find(|at| !used.contains(at)).unwrap_or_default();
        (at, self.flags.get(at).inspect(|flag| flag.store(0, Ordering::Relaxed)))
    }

    pub fn insert(&mut self, pid: Pid, address: IpAddr, flag: usize) {
        let child = Child { source: source(address), number: self.next, flag, gave_way: false };
        self.next += 1;
        self.all.insert(pid, child);
    }

    pub fn remove(&mut self, pid: Pid) -> Option<Child> {
        self.all.remove(&pid)
    }

    /// Kills the oldest child of the heaviest source whose client has sent nothing, for a newcomer
    /// whose source has at least two less. True if there is one.
    pub fn make_place(&mut self, newcomer: IpAddr) -> bool {
        let newcomer = source(newcomer);
        let mut pool: Vec<(u64, Pid)> = self.present().map(|(pid, child)| (child.number, pid)).collect();
        pool.sort_unstable();
        let sources: Vec<IpAddr> = pool.iter().map(|(_, pid)| self.all[pid].source).collect();
        let own = sources.iter().filter(|&&source| source == newcomer).count();
        let has_spoken = |flag: &AtomicU8| flag.load(Ordering::Relaxed) != 0;
        let is_silent = |at: usize| !self.flags.get(self.all[&pool[at].1].flag).is_none_or(has_spoken);
        let heaviest = oldest_of_heaviest(&sources, is_silent).filter(|&(_, weight)| weight > own + 1);
        let child =
            heaviest.and_then(|(at, _)| self.all.get_mut(&pool[at].1).map(|child| (pool[at].1, child)));
        let Some((pid, child)) = child else { return false };
        child.gave_way = true;
        // Not SIGTERM, which stays pending in a stopped process.
        sys::kill(pid, Signal::SIGKILL);
        true
    }

    fn present(&self) -> impl Iterator<Item = (Pid, &Child)> {
        self.all.iter().filter(|(_, child)| !child.gave_way).map(|(&pid, child)| (pid, child))
    }
}
