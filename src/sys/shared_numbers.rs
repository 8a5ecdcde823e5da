//! Numbers that children write and their parent reads: memory that fork shares.

use std::io;
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU32;

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};

/// Never unmapped: it lives as long as its process.
#[derive(Debug)]
pub struct SharedNumbers {
    /// So many, zero at first. A child may write any value.
    numbers: NonNull<AtomicU32>,
    count: usize,
}

impl SharedNumbers {
    pub fn new(count: NonZeroUsize) -> io::Result<SharedNumbers> {
        let (read_write, shared) = (ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_SHARED);
        let size = count.saturating_mul(const { NonZeroUsize::new(size_of::<AtomicU32>()).unwrap() });
        // SAFETY: a new mapping at an address that the system chooses touches no other memory.
        let numbers = unsafe { mmap_anonymous(None, size, read_write, shared) }?;
        Ok(SharedNumbers { numbers: numbers.cast(), count: count.get() })
    }

    pub fn get(&self, at: usize) -> Option<&AtomicU32> {
        if at >= self.count {
            return None;
        }
        // SAFETY: within the mapping, which is aligned to a page.
        let number = unsafe { self.numbers.add(at) };
        // SAFETY: never unmapped; other processes write it as an atomic too.
        Some(unsafe { number.as_ref() })
    }
}
