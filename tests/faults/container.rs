//! Servers and clients as process 1 of a PID namespace, as in a container without an init: orphans
//! of all other processes become its children, and no signal has a default action.

use crate::clients::{CLIENTS, is_connected};
use crate::common::*;
use crate::labs::*;

use nix::sys::signal::Signal::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use std::net::TcpListener;
use std::process::Command;

/// unshare(1), for a program that becomes process 1. `None` where namespaces are not permitted: the
/// test is recorded as skipped.
#[track_caller]
fn as_process_1() -> Option<Command> {
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--pid", "--fork", "--mount-proc", "--kill-child"]);
        command
    };
    if unshare().arg("true").status().is_ok_and(|done| done.success()) {
        return Some(unshare());
    }
    skip(skip::PID_NAMESPACE, "unshare --pid failed");
    None
}

struct Container {
    /// unshare(1), the parent of process 1; it ends with the status of that one.
    server: Server,
    first: i32,
}

impl Container {
    #[track_caller]
    fn start(program: &str, options: &[&str]) -> Option<Container> {
        let mut command = as_process_1()?;
        command.arg(program).args(["--bind", "127.0.0.1", "--port", "0"]).args(options);
        let server = Server::from(&mut command);
        let first = children_of(server.pid())[0];
        Some(Container { server, first })
    }

    /// An orphan in the container; it runs until its standard input ends.
    #[track_caller]
    fn orphan(&self) -> (Program, i32) {
        let before = children_of(self.first);
        let mut command = Command::new("nsenter");
        command.arg(format!("--target={}", self.first)).args(["--pid", "--mount", "sh", "-c"]);
        let program = Program::start(command.arg("exec 3<&0; cat <&3 >&2 &"));
        let orphan = eventually("an orphan to be adopted", || {
            children_of(self.first)
                .into_iter()
                .find(|child| !before.contains(child) && name_of(*child) == "cat")
        });
        (program, orphan)
    }
}

/// Every server of [`LABS`], and those that fork no child.
#[track_caller]
fn for_each_server(test: impl Fn(&Container, &Lab, &mut [Peer])) {
    let iterative: [Lab; 2] = [3, 4].map(|at| Lab { options: &["--iterative"], ..LABS[at] });
    for lab in LABS.into_iter().chain(iterative) {
        let _row = Row::of(&(lab.server, lab.options));
        let Some(container) = Container::start(lab.server, lab.options) else { return };
        let mut clients: Vec<Peer> = (0..lab.clients).map(|_| container.server.connect()).collect();
        test(&container, &lab, &mut clients);
    }
}

/// As in an image with the program alone.
#[test]
fn a_numeric_user_needs_no_table_of_users_and_groups() {
    for typed in ["65534", "65534:65533"] {
        let _row = Row::of(&typed);
        let Some(mut command) = as_process_1() else { return };
        command.args(["sh", "-c", "mount -t tmpfs none /etc && exec \"$0\" \"$@\"", SERVER, "--user", typed]);
        let server = Server::from(command.args(["--bind", "127.0.0.1", "--port", "0"]));
        let mut client = server.connect();
        client.sends("alice : bonjour\0");
        client.hears("alice : bonjour\0\0");
    }
}

#[test]
fn orphans_of_a_container_are_reaped_in_silence() {
    for_each_server(|container, lab, clients| {
        let orphans = [container.orphan(), container.orphan()];
        let pids = orphans.each_ref().map(|(_, pid)| *pid);
        drop(orphans);
        eventually("the orphans to be reaped", || {
            (!children_of(container.first).iter().any(|child| pids.contains(child))).then_some(())
        });
        (lab.talk)(clients);
        assert_eq!(container.server.program.err.so_far(), "");
    });
}

#[test]
fn process_1_ends_on_sigint_and_sigterm_with_status_0() {
    for signal in [SIGINT, SIGTERM] {
        let _row = Row::of(&signal);
        for_each_server(|container, lab, clients| {
            let _orphan = container.orphan();
            (lab.talk)(clients);
            send(container.first, signal);
            clients.iter_mut().for_each(|client| drop(client.hears_the_end()));
            wait_for_death(&[container.first]);
            container.server.program.out.line_with(&[signal.as_str()]);
        });
    }
}

#[test]
fn a_child_that_ended_before_the_server_began_is_reaped() {
    for options in [&[][..], &["--iterative"]] {
        let _row = Row::of(&options);
        let mut command = Command::new("sh");
        // The shell's child is a zombie when the server takes the shell's place.
        let script = "sleep 0 & while kill -0 $!; do grep -q '^State:.Z' /proc/$!/status && break; done
            exec \"$0\" --bind 127.0.0.1 --port 0 \"$@\"";
        let server =
            Server::from(command.args(["-c", script, env!("CARGO_BIN_EXE_echo_serveur")]).args(options));
        let mut client = server.connect();
        client.sends("a\n");
        client.hears("a\n");
        drop(client);
        server.wait_for_children(0);
    }
}

#[test]
fn a_client_that_is_process_1_ends_by_each_signal_that_ends_others() {
    for signal in [SIGHUP, SIGQUIT, SIGTERM] {
        for lab in &CLIENTS {
            let _row = Row::of(&(signal, lab.program));
            let Some(mut command) = as_process_1() else { return };
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let client = lab.command("127.0.0.1", Some(&listener.local_addr().unwrap().port().to_string()));
            let mut client = Program::start(command.arg(client.get_program()).args(client.get_args()));
            let _connection = is_connected(&client, &listener);
            send(children_of(client.pid())[0], signal);
            let status = client.ends().code();
            assert!(signal == SIGTERM || status == Some(128 + signal as i32), "{status:?}");
        }
    }
}

#[test]
fn so_does_one_on_a_terminal() {
    for signal in [SIGHUP, SIGQUIT] {
        let _row = Row::of(&signal);
        let Some(command) = as_process_1() else { return };
        let server = Server::start(&[]);
        let port = server.port();
        let client = [CLIENT, "127.0.0.1", "alice", "--port", &port];
        let options = command.get_args().map(|option| option.to_str().unwrap());
        let mut terminal = Terminal::start("unshare", &options.chain(client).collect::<Vec<_>>());
        terminal.shows("alice");
        send(children_of(terminal.pid())[0], signal);
        assert_eq!(terminal.ends().code(), Some(128 + signal as i32));
    }
}
