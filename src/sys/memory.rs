//! Memory across fork: what a child shares with its parent, and what it can give back.
//!
//! After fork, parent and child share every page until one of them writes to it. A page that the parent writes to leaves
//! the old copy to the child, which pays for memory that it never uses. So the hub keeps what it writes to most in a few
//! large blocks, and each child gives its copies back as a whole.

/// From this size on, a block of memory is a mapping of its own, touched page by page as it is used, and given back to the
/// system as soon as it is freed. More than malloc keeps in stock (132 kB), or it would come from there.
const LARGE: usize = 256 * 1024;

/// An empty vector whose memory is such a block.
pub fn large<T>() -> Vec<T> {
    Vec::with_capacity(LARGE.div_ceil(size_of::<T>()))
}

/// Makes the blocks of [`large`] what they are meant to be where the C library is glibc, which otherwise raises its threshold with each large block that is
/// freed: mallopt(3), `M_MMAP_THRESHOLD`. Others keep their own ways; nothing but memory depends on it.
pub fn keep_large_blocks_apart() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt takes two integers, and no other thread allocates meanwhile.
    let _ = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE as i32) };
}
