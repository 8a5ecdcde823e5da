//! Optimisation for rooms of thousands: skip on first reading
//!
//! After fork, parent and child share every page until one of them writes to it (copy-on-write). A
//! page that the parent writes to leaves the old copy to the child, which pays for memory that it
//! never uses. So the hub's data is in a few large blocks that children do not get, or give up.

/// From this size on, malloc maps a block on its own: touched page by page, unmapped when freed.
/// More than it keeps in its free lists (132 kB).
const LARGE: usize = 256 * 1024;

/// An empty vector in such a block, with `MADV_DONTFORK` where the system has it: fork has less to
/// copy, and the hub's later writes copy no page. A child calls `discard_in_child` before any use.
pub fn dontfork_vec<T>() -> Vec<T> {
    let block: Vec<T> = Vec::with_capacity(LARGE.div_ceil(size_of::<T>()));
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    exclude_from_fork(block.as_ptr().cast());
    block
}

/// In a child, gives up its copy of a [`dontfork_vec`].
pub fn discard_in_child<T>(block: &mut Vec<T>) {
    let block = std::mem::take(block);
    if cfg!(all(target_os = "linux", target_env = "gnu")) {
        // Not mapped here, and neither is malloc's header before it, which free(3) would read.
        std::mem::forget(block);
    }
}

/// madvise(2), `MADV_DONTFORK`, for a block that malloc has mapped on its own. mremap(2) keeps it.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn exclude_from_fork(block: *const libc::c_void) {
    const HEADER: usize = 2 * size_of::<usize>();
    // SAFETY: `block` comes from malloc and has not been freed.
    let size = HEADER + unsafe { libc::malloc_usable_size(block.cast_mut()) };
    let start = (block as usize).wrapping_sub(HEADER);
    let page =
        nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten().unwrap_or(4096) as usize;
    // Whole pages are a mapping of its own; others are shared with data that children need.
    if start.is_multiple_of(page) && size.is_multiple_of(page) {
        // SAFETY: these pages hold this block alone; for children, see `dontfork_vec`.
        let _ = unsafe { libc::madvise(start as *mut libc::c_void, size, libc::MADV_DONTFORK) };
    }
}

/// Fixes malloc's threshold at [`LARGE`], where the C library is glibc: it would raise it with each
/// large block freed (mallopt(3), `M_MMAP_THRESHOLD`). Elsewhere only memory use differs.
pub fn keep_large_blocks_apart() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt takes two integers, and there is no other thread to allocate meanwhile.
    let _ = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE as i32) };
}
