//! Kernels that have no seccomp(2), or have it and then refuse it: made of this one, by seccomp itself.

use super::*;

/// seccomp(2)'s first argument when it is asked what it has, and when it is to install a filter.
const ASK: u32 = libc::SECCOMP_GET_ACTION_AVAIL;
const INSTALL: u32 = libc::SECCOMP_SET_MODE_FILTER;

/// The server of a lab, whose kernel answers these operations of seccomp(2) so.
#[track_caller]
fn server_of(lab: &Lab, [one, other]: [u32; 2], answer: Errno) -> Server {
    let mut command = Command::new(c_compat("refuse_seccomp"));
    command.args([(answer as i32).to_string(), one.to_string(), other.to_string()]).arg(lab.server);
    Server::from(command.args(["--bind", "127.0.0.1", "--port", "0", "-v"]).args(lab.options))
}

#[test]
fn where_the_kernel_has_no_seccomp_the_line_says_so_and_clients_are_served() {
    if lacks_seccomp() {
        return;
    }
    for lab in LABS {
        let _row = Row::of(&lab.server);
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
        let _row = Row::of(&lab.server);
        let server = server_of(&lab, [INSTALL; 2], Errno::ENOMEM);
        let clients: Vec<Peer> = (0..lab.clients).map(|_| server.connect()).collect();
        server.program.err.line_with(&["stat", " 71"]);
        drop(clients);
        server.wait_for_children(0);
    }
}
