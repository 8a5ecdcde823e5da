//! Secrets of the first process: random bytes, and memory that no child inherits.

use std::io;
use std::num::NonZeroUsize;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::atomic::{Ordering, compiler_fence};

use nix::errno::Errno;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};

use super::errno::retry;

/// Zeroes at first, in a mapping of their own that fork(2) gives to no child: madvise(2),
/// `MADV_DONTFORK`, or minherit(2). A child that touches them is killed by SIGSEGV.
#[derive(Debug)]
pub struct DontforkBytes {
    start: NonNull<u8>,
    len: usize,
}

impl DontforkBytes {
    /// At least `len` bytes. An error where the system cannot keep them from children.
    pub fn new(len: usize) -> io::Result<DontforkBytes> {
        let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE)?.unwrap_or(4096) as usize;
        let size = NonZeroUsize::new(len.max(1).next_multiple_of(page)).ok_or(Errno::ENOMEM)?;
        let (access, flags) = (ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_PRIVATE);
        // SAFETY: a new mapping at an address of the kernel's choice.
        let start = unsafe { mmap_anonymous(None, size, access, flags) }?.cast();
        // Unmapped again by the drop, should the next line fail.
        let bytes = DontforkBytes { start, len: size.get() };
        bytes.exclude_from_fork()?;
        Ok(bytes)
    }

    fn exclude_from_fork(&self) -> nix::Result<()> {
        let start = self.start.as_ptr().cast::<libc::c_void>();
        #[cfg(any(target_os = "linux", target_os = "android"))]
        // SAFETY: the mapping is this value's own, and the parent's access to it does not change.
        let status = unsafe { libc::madvise(start, self.len, libc::MADV_DONTFORK) };
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        // SAFETY: as above. The BSDs and macOS have one value under different names.
        let status = unsafe { libc::minherit(start, self.len, INHERIT_NONE) };
        Errno::result(status).map(drop)
    }
}

/// `INHERIT_NONE`, `MAP_INHERIT_NONE` or `VM_INHERIT_NONE`: minherit(2).
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const INHERIT_NONE: libc::c_int = 2;

impl Deref for DontforkBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: mapped and initialised as long as `self` lives; in a child, the access traps.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl DerefMut for DontforkBytes {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as for `deref`; the mapping is borrowed through `self` alone.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl Drop for DontforkBytes {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own, and nothing refers to it any longer.
        let _ = unsafe { munmap(self.start.cast(), self.len) };
    }
}

/// Fills at most 256 bytes with the system's randomness, in place: no copy stays on the stack.
pub fn fill_random(bytes: &mut [u8]) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let filled = retry(|| {
        // SAFETY: getrandom writes at most this many bytes to this address.
        Errno::result(unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) })
    })? as usize;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let filled = retry(|| {
        // SAFETY: getentropy writes this many bytes to this address.
        Errno::result(unsafe { libc::getentropy(bytes.as_mut_ptr().cast(), bytes.len()) })
    })
    .map(|_| bytes.len())?;
    // Up to 256 bytes are whole: getrandom(2).
    if filled == bytes.len() { Ok(()) } else { Err(Errno::EIO.into()) }
}

/// Overwrites a secret that the caller needs no more; the compiler cannot leave the writes out.
pub fn wipe(bytes: &mut [u8]) {
    for byte in bytes {
        // SAFETY: the reference is valid for a write of one byte.
        unsafe { std::ptr::write_volatile(byte, 0) };
    }
    compiler_fence(Ordering::SeqCst);
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use nix::sys::wait::{WaitStatus, waitpid};
    use nix::unistd::{ForkResult, fork};

    #[test]
    fn a_child_does_not_have_these_bytes() {
        let mut bytes = DontforkBytes::new(5000).unwrap();
        assert!(bytes.len() == 8192 && bytes.iter().all(|&byte| byte == 0));
        fill_random(&mut bytes[..8]).unwrap();
        assert!(bytes[..8].iter().any(|&byte| byte != 0));
        // SAFETY: the child only reads one byte and ends.
        match unsafe { fork() }.unwrap() {
            ForkResult::Child => {
                let status = i32::from(bytes[0] == 0);
                // SAFETY: _exit takes an integer.
                unsafe { libc::_exit(status) }
            }
            ForkResult::Parent { child } => {
                let ended = waitpid(child, None).unwrap();
                let expected = nix::sys::signal::Signal::SIGSEGV;
                assert!(
                    matches!(ended, WaitStatus::Signaled(_, signal, _) if signal == expected),
                    "{ended:?}"
                );
            }
        }
    }

    #[test]
    fn wiped_bytes_are_zero() {
        let mut bytes = [7; 8];
        wipe(&mut bytes);
        assert_eq!(bytes, [0; 8]);
    }
}
