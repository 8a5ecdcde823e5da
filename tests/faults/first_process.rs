//! The end of the first process, killed or by a signal to all processes: no child is left, and no
//! child that ends with its server is reported as lost.

use crate::common::*;
use crate::labs::*;

use nix::sys::ptrace;
use nix::sys::signal::Signal::{self, SIGCONT, SIGINT, SIGKILL, SIGSTOP, SIGTERM};
use nix::sys::signal::killpg;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Waits until /proc shows the process in this state: `T` is stopped, `t` is held by a debugger.
#[track_caller]
fn wait_for_state(pid: i32, state: char) {
    eventually(&format!("process {pid} in state {state}"), || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.rsplit(") ").next()?.starts_with(state).then_some(())
    });
}

/// Waits until the child is set up: before that, the end of its parent cannot be a signal to it.
#[track_caller]
fn wait_until_confined(child: i32) {
    eventually(&format!("child {child} to be confined"), || {
        let status = std::fs::read_to_string(format!("/proc/{child}/status")).unwrap();
        (!status.contains("Seccomp:\t0")).then_some(())
    });
}

#[track_caller]
fn leaves_no_child(mut running: Running, state: char) {
    wait_for_state(running.child, state);
    running.server.program.signal(SIGKILL);
    running.server.program.ends();
    wait_for_death(&[running.child]);
    if state == 't' {
        // Its descriptors are closed already: the debugger reaps what the kernel has killed.
        waitpid(Pid::from_raw(running.child), Some(WaitPidFlag::__WALL)).unwrap();
    }
    for client in &mut running.clients {
        client.hears_the_end();
    }
}

#[test]
fn when_the_first_process_is_killed_no_stopped_child_is_left() {
    for lab in LABS {
        let _row = Row::of(&lab.server);
        let running = lab.start(&[]);
        wait_until_confined(running.child);
        send(running.child, SIGSTOP);
        leaves_no_child(running, 'T');
    }
}

#[test]
fn when_the_first_process_is_killed_no_traced_child_is_left() {
    // The relay's children first send their clients `exit`, which one that is held cannot.
    for lab in LABS.into_iter().filter(|lab| !lab.server.ends_with("relay_serveur")) {
        let _row = Row::of(&lab.server);
        let running = lab.start(&[]);
        wait_until_confined(running.child);
        if let Err(reason) = ptrace::attach(Pid::from_raw(running.child)) {
            return skip(skip::PTRACE, reason);
        }
        waitpid(Pid::from_raw(running.child), Some(WaitPidFlag::__WALL)).unwrap();
        leaves_no_child(running, 't');
    }
}

#[test]
fn when_the_hub_of_hundreds_is_killed_no_stopped_worker_is_left() {
    let mut server = Server::start(&["-q"]);
    // From the 500th on, workers are forked with a shared descriptor table.
    let _clients: Vec<Peer> = (0..600).map(|_| server.connect()).collect();
    let workers = server.wait_for_children(600);
    workers.iter().for_each(|&worker| wait_until_confined(worker));
    workers.iter().for_each(|&worker| send(worker, SIGSTOP));
    workers.iter().for_each(|&worker| wait_for_state(worker, 'T'));
    server.program.signal(SIGKILL);
    server.program.ends();
    wait_for_death(&workers);
}

/// A server in a process group of its own, as a shell starts it.
#[track_caller]
fn group_of(lab: &Lab) -> Running {
    let mut command = Command::new(lab.server);
    command.args(["--bind", "127.0.0.1", "--port", "0"]).args(lab.options).process_group(0);
    let server = Server::from(&mut command);
    let mut clients: Vec<Peer> = (0..lab.clients).map(|_| server.connect()).collect();
    let child = server.wait_for_children(1)[0];
    if !lab.server.ends_with("upload_serveur") {
        (lab.talk)(&mut clients);
    }
    Running { server, clients, child }
}

/// Signals the whole group while the first process is stopped, so that the ends of its children are
/// known by the time it runs again.
#[track_caller]
fn ends_in_order(mut running: Running, signal: Signal) {
    let (server, group) = (running.server.pid(), Pid::from_raw(running.server.pid()));
    send(server, SIGSTOP);
    wait_for_state(server, 'T');
    killpg(group, signal).unwrap();
    if signal == SIGTERM {
        wait_for_death(&[running.child]);
    }
    send(server, SIGCONT);
    assert_eq!(running.server.program.ends().code(), Some(0));
    assert!(!is_alive(running.child));
    running.clients.iter_mut().for_each(|client| drop(client.hears_the_end()));
    let (out, err) = (running.server.program.out.to_the_end(), running.server.program.err.to_the_end());
    assert_eq!(err, "", "a child is reported as lost");
    let stops = format!("{} ", running.clients.len());
    assert!(out.lines().any(|line| line.contains(signal.as_str()) && line.contains(&stops)), "{out}");
}

#[test]
fn a_signal_to_the_whole_group_is_one_orderly_end() {
    for lab in LABS {
        let _row = Row::of(&lab.server);
        for signal in [SIGINT, SIGTERM] {
            let _row = Row::of(&signal);
            ends_in_order(group_of(&lab), signal);
        }
    }
}

/// As systemd's and a shell's signals arrive: each process at its own time.
#[test]
fn a_signal_to_a_busy_group_is_one_orderly_end_too() {
    for lab in LABS {
        let _row = Row::of(&lab.server);
        for signal in [SIGINT, SIGTERM] {
            let mut running = group_of(&lab);
            let _others: Vec<Peer> = (0..20).map(|_| running.server.connect()).collect();
            killpg(Pid::from_raw(running.server.pid()), signal).unwrap();
            assert_eq!(running.server.program.ends().code(), Some(0));
            let lost = [signal.as_str(), "lost", "perdu"];
            let err = running.server.program.err.to_the_end();
            assert!(!lost.iter().any(|word| err.contains(word)), "{err}");
        }
    }
}

#[test]
fn a_child_ends_by_sigterm_and_ignores_sigint() {
    for lab in LABS {
        let _row = Row::of(&lab.server);
        let mut running = lab.start(&[]);
        send(running.child, SIGINT);
        (lab.talk)(&mut running.clients);
        let running = lab.start(&[]);
        send(running.child, SIGTERM);
        running.server.program.err.line_with(&["SIGTERM"]);
        assert!(is_alive(running.server.pid()));
    }
}
