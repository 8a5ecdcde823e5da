//! Kernels without seccomp(2), and kernels that refuse a filter, both simulated by a seccomp
//! filter.

use super::*;

/// Operations of seccomp(2): query the available actions, and install a filter.
const ASK: u32 = libc::SECCOMP_GET_ACTION_AVAIL;
const INSTALL: u32 = libc::SECCOMP_SET_MODE_FILTER;

/// Starts the server of a lab where these operations of seccomp(2) fail with `answer`.
#[track_caller]
fn server_of(lab: &Lab, [one, other]: [u32; 2], answer: Errno) -> Server {
    let mut command = Command::new(c_compat("refuse_seccomp"));
    command.args([(answer as i32).to_string(), one.to_string(), other.to_string()]).arg(lab.server);
    Server::from(command.args(["--bind", "127.0.0.1", "--port", "0", "-v"]).args(lab.options))
}

#[test]
fn without_seccomp_in_the_kernel_verbose_says_so_and_clients_are_served() {
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
fn a_child_that_cannot_be_confined_serves_no_client_and_the_server_says_so() {
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
