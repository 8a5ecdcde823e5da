//! Memory across fork: what a child shares with its parent, and what it can give back.
//!
//! After fork, parent and child share every page until one of them writes to it. A page that the parent writes to leaves
//! the old copy to the child, which pays for memory that it never uses. So the hub keeps what it writes to most in a few
//! large blocks, and each child gives its copies back as a whole.

/// From this size on, a block of memory is a mapping of its own, touched page by page as it is used, and given back to the
/// system as soon as it is freed. More than malloc keeps in stock (132 kB), or it would come from there.
const LARGE: usize = 256 * 1024;

/// An empty vector whose memory is such a block. Children do not get it where the system lets us keep it from them: then fork has
/// less to copy, and the hub that writes to it afterwards no page to copy first. A child must [`discard_in_child`] it unread.
pub fn dontfork_vec<T>() -> Vec<T> {
    let block: Vec<T> = Vec::with_capacity(LARGE.div_ceil(size_of::<T>()));
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    keep_from_children(block.as_ptr().cast());
    block
}

/// In a child, gives up its copy of a block of [`dontfork_vec`].
pub fn discard_in_child<T>(block: &mut Vec<T>) {
    let block = std::mem::take(block);
    if cfg!(all(target_os = "linux", target_env = "gnu")) {
        // Not even the few bytes before it are there, by which free(3) would know it.
        std::mem::forget(block);
    }
}

/// madvise(2), `MADV_DONTFORK`, for memory that malloc has mapped by itself. The mapping keeps it as it grows: mremap(2).
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn keep_from_children(block: *const libc::c_void) {
    const HEADER: usize = 2 * size_of::<usize>();
    // SAFETY: `block` comes from malloc and has not been freed.
    let size = HEADER + unsafe { libc::malloc_usable_size(block.cast_mut()) };
    let start = (block as usize).wrapping_sub(HEADER);
    let page =
        nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten().unwrap_or(4096) as usize;
    // Pages of its own from the first byte to the last: a mapping. Anything else lies among what children need.
    if start.is_multiple_of(page) && size.is_multiple_of(page) {
        // SAFETY: these pages hold this block and nothing else; what becomes of them in a child is the contract of `dontfork_vec`.
        let _ = unsafe { libc::madvise(start as *mut libc::c_void, size, libc::MADV_DONTFORK) };
    }
}

/// Makes the blocks of [`dontfork_vec`] what they are meant to be where the C library is glibc, which otherwise raises its threshold with each large block that is
/// freed: mallopt(3), `M_MMAP_THRESHOLD`. Others keep their own ways; nothing but memory depends on it.
pub fn keep_large_blocks_apart() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt takes two integers, and no other thread allocates meanwhile.
    let _ = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE as i32) };
}
