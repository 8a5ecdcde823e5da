//! capabilities(7): the single rights that root has beyond other users.

use std::io;
use std::os::fd::BorrowedFd;

/// A set of capabilities, one bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities(u64);

impl Capabilities {
    const NONE: Capabilities = Capabilities(0);
    /// CAP_DAC_OVERRIDE: files and directories of other users.
    const OTHERS_FILES: Capabilities = Capabilities(1 << 1);

    pub(crate) fn is_empty(self) -> bool {
        self == Capabilities::NONE
    }

    /// What a child needs to write files in `directory`: none in one that is its own. Of what this
    /// process has: a service may have another capability alone (`setcap cap_net_bind_service`).
    pub(super) fn to_write_in(directory: BorrowedFd) -> Capabilities {
        let is_own = nix::sys::stat::fstat(directory).is_ok_and(|stat| {
            stat.st_uid == nix::unistd::geteuid().as_raw() && stat.st_mode & 0o300 == 0o300
        });
        let permitted = if is_own { Capabilities::NONE } else { Capabilities::permitted() };
        Capabilities(permitted.0 & Capabilities::OTHERS_FILES.0)
    }

    #[cfg(target_os = "linux")]
    fn permitted() -> Capabilities {
        Capabilities(linux::permitted())
    }

    #[cfg(not(target_os = "linux"))]
    fn permitted() -> Capabilities {
        Capabilities::NONE
    }

    /// Takes from every program that children could execute what it would gain (the bounding set),
    /// here and once: this process executes none. Returns what a child keeps; `None` where there is
    /// nothing to drop.
    #[cfg(target_os = "linux")]
    pub(super) fn drop_for_children() -> Option<Capabilities> {
        linux::has_any().then(|| {
            linux::drop_bounding_set();
            Capabilities::NONE
        })
    }

    /// In a child: drops all others, for good where it has no_new_privs.
    #[cfg(target_os = "linux")]
    pub(super) fn keep_alone(self) -> io::Result<()> {
        // The kernel clears the ambient set with the inheritable one.
        linux::set(self.0)
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn drop_for_children() -> Option<Capabilities> {
        None
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn keep_alone(self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io;

    use nix::errno::Errno;

    /// `_LINUX_CAPABILITY_VERSION_3` of linux/capability.h: two words a set.
    const VERSION: u32 = 0x2008_0522;

    #[repr(C)]
    struct Header {
        version: u32,
        /// 0: this process.
        pid: libc::c_int,
    }

    #[repr(C)]
    #[derive(Clone, Copy, Debug, Default)]
    struct Words {
        effective: u32,
        permitted: u32,
        inheritable: u32,
    }

    const HERE: Header = Header { version: VERSION, pid: 0 };

    pub fn has_any() -> bool {
        get().iter().any(|word| word.permitted | word.inheritable != 0)
    }

    pub fn permitted() -> u64 {
        let [low, high] = get().map(|word| u64::from(word.permitted));
        high << 32 | low
    }

    /// Empty sets on a system without capabilities.
    fn get() -> [Words; 2] {
        let (mut header, mut words) = (HERE, [Words::default(); 2]);
        // SAFETY: the kernel writes two `Words`, for this version, and at most the header's
        // version.
        let status = unsafe { libc::syscall(libc::SYS_capget, &raw mut header, words.as_mut_ptr()) };
        if status == 0 { words } else { Default::default() }
    }

    pub fn drop_bounding_set() {
        // EINVAL: the kernel has no more. EPERM: without CAP_SETPCAP, the set stays as it is, and
        // no_new_privs is what keeps it from children.
        for capability in 0..u64::from(u64::BITS) {
            // SAFETY: prctl takes integers here.
            if unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) } != 0 {
                break;
            }
        }
    }

    /// Permitted and effective: `set`; inheritable: none.
    pub fn set(set: u64) -> io::Result<()> {
        let word = |bits: u32| Words { effective: bits, permitted: bits, inheritable: 0 };
        let (mut header, words) = (HERE, [word(set as u32), word((set >> 32) as u32)]);
        // SAFETY: the kernel reads two `Words`, for this version, and at most writes the header.
        let status = unsafe { libc::syscall(libc::SYS_capset, &raw mut header, words.as_ptr()) };
        Ok(Errno::result(status).map(drop)?)
    }
}
