//! Servers as process 1 of a PID namespace, as in a container without an init: orphans of all other
//! processes become children of the server.

use crate::common::*;
use crate::labs::*;

use nix::sys::signal::Signal::{SIGINT, SIGTERM};
use std::process::Command;

struct Container {
    /// unshare(1), the parent of process 1; it ends with the status of that one.
    server: Server,
    first: i32,
}

impl Container {
    /// `None` where namespaces are not permitted: the test is recorded as skipped.
    #[track_caller]
    fn start(program: &str, options: &[&str]) -> Option<Container> {
        let unshare = ["--pid", "--fork", "--mount-proc", "--kill-child"];
        if !Command::new("unshare").args(unshare).arg("true").status().is_ok_and(|done| done.success()) {
            skip(skip::PID_NAMESPACE, "unshare --pid failed");
            return None;
        }
        let mut command = Command::new("unshare");
        command.args(unshare).arg(program).args(["--bind", "127.0.0.1", "--port", "0"]).args(options);
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
