//! The end of the first process, killed or by a signal to all processes: no child is left, and no
//! child that ends with its server is reported as lost.

use crate::common::*;
use crate::labs::*;

use nix::sys::ptrace;
use nix::sys::signal::Signal::{self, SIGCONT, SIGHUP, SIGINT, SIGKILL, SIGSTOP, SIGTERM};
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
        wait_for_death(&[running.child]);
        assert!(is_alive(running.server.pid()));
    }
}

/// As a shell without job control starts `server &`.
#[test]
fn sigint_ends_a_server_that_was_started_with_it_ignored() {
    for lab in LABS {
        let _row = Row::of(&lab.server);
        let landing = tempfile::tempdir().unwrap();
        let mut command = Command::new("env");
        command.args(["--ignore-signal=INT", lab.server, "--bind", "127.0.0.1", "--port", "0"]);
        let mut server = Server::from(command.current_dir(landing.path()));
        server.program.signal(SIGINT);
        assert_eq!(server.program.ends().code(), Some(0));
    }
}

/// Of the servers in which a child alone has its clients' sockets.
const OWN_SOCKETS: [usize; 4] = [2, 3, 4, 5];

#[test]
fn sigterm_is_the_orderly_stop_of_a_child_and_of_a_group() {
    for lab in OWN_SOCKETS.map(|at| &LABS[at]) {
        for whole_group in [false, true] {
            let _row = Row::of(&(lab.server, whole_group));
            let Running { mut server, mut clients, child } = group_of(lab);
            if lab.server.ends_with("upload_serveur") {
                clients[0].hears_up_to("\r\n");
            }
            // Unread at the end: without a lingering close, the connection would be reset.
            send(child, SIGSTOP);
            wait_for_state(child, 'T');
            clients.iter_mut().for_each(|client| client.sends("unread"));
            match whole_group {
                true => killpg(Pid::from_raw(server.pid()), SIGTERM).unwrap(),
                false => send(child, SIGTERM),
            }
            send(child, SIGCONT);
            let of_child = clients.len().saturating_sub(2);
            for client in &mut clients[of_child..] {
                let last = client.hears_the_end();
                let expected: &[u8] = match lab.server.rsplit('/').next().unwrap() {
                    "relay_serveur" => b"exit\0",
                    "upload_serveur" => b"[ERROR]",
                    _ => b"",
                };
                assert!(last.ends_with(expected), "{:?}", String::from_utf8_lossy(&last));
            }
            drop(clients);
            wait_for_death(&[child]);
            if whole_group {
                assert_eq!(server.program.ends().code(), Some(0));
            }
            assert_eq!(server.program.err.so_far(), "", "a child is reported as lost");
        }
    }
}

/// SIGCHLD and the signal that ends the server are then taken in one turn.
#[test]
fn a_server_told_to_stop_as_its_last_client_leaves_waits_for_nothing() {
    if !can_trace() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let independent = ["echo_serveur", "calc_serveur", "upload_serveur"];
    for lab in LABS.iter().filter(|lab| independent.iter().any(|name| lab.server.ends_with(name))) {
        let _row = Row::of(&lab.server);
        let trace = place.path().join("trace");
        let mut command = traced(lab.server, &["-e", "trace=?poll,ppoll,exit_group"], &trace);
        let mut server = Server::from(command.args(["--bind", "127.0.0.1", "--port", "0"]).args(lab.options));
        let client = server.connect();
        let children = server.wait_for_children(1);
        server.program.signal(SIGSTOP);
        wait_for_state(server.pid(), 't');
        drop(client);
        wait_for_death(&children);
        server.program.signal(SIGTERM);
        server.program.signal(SIGCONT);
        assert!(server.program.ends().success());
        let calls = eventually("the trace", || {
            std::fs::read_to_string(&trace).ok().filter(|calls| calls.contains("exit_group("))
        });
        let (_, last) = calls.split_once("--- SIGTERM").expect("the signal");
        assert!(!last.contains("(Timeout)"), "{calls}");
    }
}

/// A connection that the server does not accept is reset by the system.
#[test]
fn a_backlog_above_the_default_is_closed_in_good_order_at_the_end() {
    for lab in LABS {
        let _row = Row::of(&lab.server);
        let mut running = lab.start(&["--backlog", "300"]);
        let server = running.server.pid();
        send(server, SIGSTOP);
        wait_for_state(server, 'T');
        let mut waiting: Vec<Peer> = (0..250).map(|_| running.server.connect()).collect();
        waiting.iter_mut().for_each(|peer| peer.sends("unread"));
        send(server, SIGTERM);
        send(server, SIGCONT);
        waiting.iter_mut().for_each(|peer| drop(peer.hears_the_end()));
        assert_eq!(running.server.program.ends().code(), Some(0));
    }
}

#[test]
fn a_hang_up_is_an_orderly_end() {
    for lab in LABS {
        let _row = Row::of(&lab.server);
        let mut running = group_of(&lab);
        killpg(Pid::from_raw(running.server.pid()), SIGHUP).unwrap();
        assert_eq!(running.server.program.ends().code(), Some(0));
        running.clients.iter_mut().for_each(|client| drop(client.hears_the_end()));
        assert_eq!(running.server.program.err.to_the_end(), "", "a child is reported as lost");
        assert!(running.server.program.out.to_the_end().contains("SIGHUP"));
    }
}

#[test]
fn when_a_clients_first_process_is_killed_its_stopped_second_one_is_not_left() {
    let server = Server::start(&["-q"]);
    let mut client =
        Program::start(Command::new(CLIENT).args(["127.0.0.1", "alice", "--port", &server.port()]));
    server.wait_for_children(1);
    let second = eventually("the second process", || children_of(client.pid()).first().copied());
    // Its end with the first one is asked for before it ignores SIGINT.
    eventually("the second process to be set up", || ignores(second, SIGINT).then_some(()));
    send(second, SIGSTOP);
    wait_for_state(second, 'T');
    client.signal(SIGKILL);
    client.ends();
    wait_for_death(&[second]);
}

fn ignores(pid: i32, signal: Signal) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    u64::from_str_radix(ignored.trim(), 16).unwrap() & (1 << (signal as u64 - 1)) != 0
}

/// As a security module may refuse it.
#[test]
fn a_server_that_may_not_kill_its_children_ends_all_the_same() {
    if !can_trace() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let trace = place.path().join("trace");
    let mut command = traced(SERVER, &["-e", "trace=kill", "-e", "inject=kill:error=EPERM"], &trace);
    let mut server = Server::from(command.args(["--bind", "127.0.0.1", "--port", "0"]));
    let mut peer = server.join();
    let worker = server.wait_for_children(1);
    server.program.signal(SIGTERM);
    assert_eq!(server.program.ends().code(), Some(0));
    peer.hears_the_end();
    wait_for_death(&worker);
    assert!(std::fs::read_to_string(&trace).unwrap().contains("(INJECTED)"));
}

/// Killed, they are the debugger's to reap first. The server waits for all of them together.
#[test]
fn a_server_whose_workers_are_traced_ends_all_the_same() {
    let traces = tempfile::tempdir().unwrap();
    let trace = traces.path().join("trace");
    let mut running = CHAT.start(&[]);
    let mut clients = [(); 2].map(|()| running.server.connect());
    let workers = running.server.wait_for_children(3);
    for worker in &workers {
        wait_until_confined(*worker);
        if let Err(reason) = ptrace::attach(Pid::from_raw(*worker)) {
            return skip(skip::PTRACE, reason);
        }
        waitpid(Pid::from_raw(*worker), Some(WaitPidFlag::__WALL)).unwrap();
    }
    let pauses = ["-e", "trace=nanosleep,clock_nanosleep"];
    let Some(mut strace) = attach(running.server.pid(), &pauses, &trace) else { return };
    running.server.program.signal(SIGTERM);
    assert_eq!(running.server.program.ends().code(), Some(0));
    running.clients.iter_mut().chain(&mut clients).for_each(|client| {
        client.hears_the_end();
    });
    for worker in workers {
        waitpid(Pid::from_raw(worker), Some(WaitPidFlag::__WALL)).unwrap();
    }
    strace.ends();
    let pauses = std::fs::read_to_string(&trace).unwrap();
    assert_eq!(pauses.matches("tv_nsec=819200000}").count(), 1, "the longest pause is the last: {pauses}");
}
