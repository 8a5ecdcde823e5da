//! Flags that children set and their parent reads: memory that fork shares.

use std::io;
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU8;

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};

/// Never unmapped: it lives as long as its process.
#[derive(Debug)]
pub struct SharedFlags {
    /// So many bytes, zero at first. A child may write any value.
    flags: NonNull<AtomicU8>,
    count: usize,
}

impl SharedFlags {
    pub fn new(count: NonZeroUsize) -> io::Result<SharedFlags> {
        let (read_write, shared) = (ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_SHARED);
        // SAFETY: a new mapping at an address that the system chooses touches no other memory.
        let flags = unsafe { mmap_anonymous(None, count, read_write, shared) }?;
        Ok(SharedFlags { flags: flags.cast(), count: count.get() })
    }

    pub fn get(&self, at: usize) -> Option<&AtomicU8> {
        if at >= self.count {
            return None;
        }
        // SAFETY: within the mapping.
        let flag = unsafe { self.flags.add(at) };
        // SAFETY: never unmapped; other processes write it as an atomic too.
        Some(unsafe { flag.as_ref() })
    }
}
