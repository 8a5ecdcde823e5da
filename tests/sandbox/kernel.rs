//! Kernels that have no seccomp(2), or have it and then refuse it: made of this one, by seccomp itself.

use super::*;
use libc::{BPF_ABS, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, sock_filter, sock_fprog};
use std::os::unix::process::CommandExt;

/// seccomp(2)'s first argument when it is asked what it has, and when it is to install a filter.
const ASK: u32 = libc::SECCOMP_GET_ACTION_AVAIL;
const INSTALL: u32 = libc::SECCOMP_SET_MODE_FILTER;

/// The server of a lab, whose kernel answers these operations of seccomp(2) so.
fn server_of(lab: &Lab, refused: [u32; 2], answer: Errno) -> Server {
    let mut command = Command::new(lab.server);
    command.args(["--bind", "127.0.0.1", "--port", "0", "-v"]).args(lab.options);
    refuse(&mut command, refused, answer);
    Server::from(&mut command)
}

/// prctl(2), `PR_SET_SECCOMP`, in the program's process.
#[allow(unsafe_code)]
fn refuse(command: &mut Command, [one, other]: [u32; 2], answer: Errno) {
    let line = |code: u32, jt: u8, jf: u8, k: u32| sock_filter { code: code as u16, jt, jf, k };
    // Where the kernel shows the first argument's lower half: seccomp(2), `struct seccomp_data`.
    let argument = if cfg!(target_endian = "little") { 16 } else { 20 };
    let program = [
        line(BPF_LD | BPF_W | BPF_ABS, 0, 0, 0),
        line(BPF_JMP | BPF_JEQ | BPF_K, 0, 3, libc::SYS_seccomp as u32),
        line(BPF_LD | BPF_W | BPF_ABS, 0, 0, argument),
        line(BPF_JMP | BPF_JEQ | BPF_K, 2, 0, one),
        line(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, other),
        line(BPF_RET | BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
        line(BPF_RET | BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | answer as u32),
    ];
    let install = move || {
        nix::sys::prctl::set_no_new_privs()?;
        let program = sock_fprog { len: program.len() as u16, filter: program.as_ptr().cast_mut() };
        // SAFETY: the kernel copies these instructions, which outlive the call.
        match unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    // SAFETY: between fork and exec it makes two system calls, and nothing on the heap.
    unsafe { command.pre_exec(install) };
}

#[test]
fn where_the_kernel_has_no_seccomp_the_line_says_so_and_clients_are_served() {
    if lacks_seccomp() {
        return;
    }
    for lab in LABS {
        let server = server_of(&lab, [ASK, INSTALL], Errno::ENOSYS);
        server.program.out.line_with(&["seccomp (", "Function not implemented"]);
        let mut clients: Vec<Peer> = (0..lab.clients).map(|_| server.connect()).collect();
        (lab.talk)(&mut clients);
    }
}

#[test]
fn a_child_that_cannot_be_confined_serves_nobody_and_the_server_says_so() {
    if lacks_seccomp() {
        return;
    }
    for lab in LABS {
        let server = server_of(&lab, [INSTALL; 2], Errno::ENOMEM);
        let clients: Vec<Peer> = (0..lab.clients).map(|_| server.connect()).collect();
        server.program.err.line_with(&["stat", " 71"]);
        drop(clients);
        server.wait_for_children(0);
    }
}
