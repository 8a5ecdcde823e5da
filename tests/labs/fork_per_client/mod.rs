//! Code shared by the servers with independent clients: one child per client, or one client at a
//! time with `--iterative`; how that shows in /proc, and how it ends. Echo and calculation are
//! tested for all of them.

mod output;
use crate::common::*;

use nix::sys::signal::Signal::{SIGCONT, SIGINT, SIGKILL, SIGSTOP, SIGTERM};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::thread;

/// A server, and an exchange that gets an answer from it.
struct Lab {
    server: &'static str,
    name: &'static str,
    talk: fn(&mut Peer),
}

const LABS: [Lab; 2] = [
    Lab { server: env!("CARGO_BIN_EXE_echo_serveur"), name: "echo_serveur", talk: talk_to_echo },
    Lab { server: env!("CARGO_BIN_EXE_calc_serveur"), name: "calc_serveur", talk: talk_to_calc },
];

#[track_caller]
fn talk_to_echo(peer: &mut Peer) {
    peer.sends("talk\n");
    peer.hears("talk\n");
}

#[track_caller]
fn talk_to_calc(peer: &mut Peer) {
    peer.hears_up_to("First number?\n");
    peer.sends("1\n2\n");
    peer.hears_up_to("\n3\n");
}

impl Lab {
    #[track_caller]
    fn start(&self, options: &[&str]) -> Server {
        Server::of(self.server, options)
    }

    /// A new client gets an answer.
    #[track_caller]
    fn serves_another(&self, server: &Server) {
        (self.talk)(&mut server.connect());
    }
}

fn sockets_of(pid: i32) -> Vec<i32> {
    let open = descriptors_of(pid).into_iter();
    open.filter(|(_, what)| what.starts_with("socket:")).map(|(number, _)| number).collect()
}

/// True if the open file behind a descriptor has `O_NONBLOCK`, from /proc.
#[track_caller]
fn is_nonblocking(pid: i32, descriptor: i32) -> bool {
    let info = std::fs::read_to_string(format!("/proc/{pid}/fdinfo/{descriptor}")).unwrap();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap().trim();
    i32::from_str_radix(flags, 8).unwrap() & nix::libc::O_NONBLOCK != 0
}

#[test]
fn n_clients_are_n_plus_1_processes_with_one_name_and_one_parent() {
    for lab in LABS {
        let _row = Row::of(&lab.server);
        let server = lab.start(&[]);
        let clients = [server.connect_served(), server.connect_served(), server.connect_served()];
        let mut children: Vec<i32> = clients.iter().map(|(_, child)| *child).collect();
        children.sort();
        let mut shown = server.children();
        shown.sort();
        assert_eq!(shown, children);
        assert!(children.iter().chain([&server.pid()]).all(|&pid| name_of(pid) == lab.name));
    }
}

#[test]
fn a_child_holds_its_own_socket_its_output_and_the_pipe_to_its_server() {
    for lab in LABS {
        let _row = Row::of(&lab.server);
        let server = lab.start(&[]);
        for (_, child) in &[server.connect_served(), server.connect_served(), server.connect_served()] {
            let _row = Row::of(&child);
            let open = descriptors_of(*child);
            let low: Vec<i32> =
                open.iter().map(|(number, _)| *number).take_while(|&number| number < 48).collect();
            // Equal numbers in all children: the first process has closed its copy by the time the
            // next client connects.
            assert_eq!(low, [0, 1, 2, 4]);
            assert_eq!(sockets_of(*child), [4]);
            // At high numbers: the pipe that closes when the server ends, and standard output (a
            // pipe) opened again, non-blocking.
            let pipes: Vec<&String> = open[4..].iter().map(|(_, what)| what).collect();
            assert!(pipes.len() == 2 && pipes.iter().all(|what| what.starts_with("pipe:")), "{open:?}");
            let output = open[4..].iter().find(|(_, what)| *what == open[1].1).expect("standard output");
            assert!(is_nonblocking(*child, output.0) && !is_nonblocking(*child, 1));
        }
        eventually("the first process to hold its listener alone", || {
            (sockets_of(server.pid()) == [3]).then_some(())
        });
    }
}

#[test]
fn a_child_whose_output_is_a_file_holds_five_descriptors() {
    for lab in LABS {
        let _row = Row::of(&lab.server);
        let directory = tempfile::tempdir().unwrap();
        let said = directory.path().join("said");
        let mut command = Command::new(lab.server);
        command.args(["--bind", "127.0.0.1", "--port", "0"]).stdout(File::create(&said).unwrap());
        let server = Program::start_with_its_own_output(&mut command);
        let address = eventually("the first line", || {
            let said = std::fs::read_to_string(&said).ok().filter(|text| text.contains('\n'))?;
            said.split_whitespace().find_map(|word| word.parse().ok())
        });
        let mut client = Peer::connect(address);
        (lab.talk)(&mut client);
        assert_eq!(descriptors_of(children_of(server.pid())[0]).len(), 5);
    }
}

#[test]
fn a_client_that_disconnects_leaves_no_process_zombie_or_descriptor() {
    for lab in LABS {
        let _row = Row::of(&lab.server);
        let server = lab.start(&[]);
        let before = descriptors_of(server.pid());
        for _ in 0..3 {
            let [(closes, _), (resets, _), (mut half_closes, _)] =
                [server.connect_served(), server.connect_served(), server.connect_served()];
            drop(closes);
            resets.resets();
            half_closes.half_closes();
            half_closes.hears_the_end();
            server.wait_for_children(0);
        }
        eventually("descriptors as before", || (descriptors_of(server.pid()) == before).then_some(()));
        for how in ["left", "vanished (Connection reset by peer)"] {
            let _row = Row::of(&how);
            server.program.out.line_with(&["(child ", "client 127.0.0.1:", how]);
        }
        server.program.out.line_with(&["(parent) child", "ended, 0 connected"]);
    }
}

#[test]
fn sigint_and_sigterm_end_the_server_with_all_its_children_and_status_0() {
    for lab in LABS {
        let _row = Row::of(&lab.server);
        for signal in [SIGINT, SIGTERM] {
            let _row = Row::of(&signal);
            let mut server = lab.start(&[]);
            let [(mut first, one), (mut second, other)] = [server.connect_served(), server.connect_served()];
            (lab.talk)(&mut first);
            server.program.signal(signal);
            assert_eq!(server.program.ends().code(), Some(0));
            assert!(!is_alive(one) && !is_alive(other));
            first.hears_the_end();
            second.hears_the_end();
            let said = server.program.out.to_the_end();
            assert!(said.contains(&format!("(parent) {signal} received: stopping, 2 connected\n")), "{said}");
            assert_eq!(said.matches("is left, because the server ends").count(), 2, "{said}");
            assert_eq!(server.program.err.to_the_end(), "");
            let again = Server::from(Command::new(lab.server).args([
                "--bind",
                "127.0.0.1",
                "--port",
                &server.port(),
            ]));
            lab.serves_another(&again);
        }
    }
}

#[test]
fn ctrl_c_on_the_servers_terminal_ends_the_server_and_its_children_with_a_line() {
    for lab in LABS {
        let _row = Row::of(&lab.server);
        for options in [&[][..], &["--iterative"]] {
            let _row = Row::of(&options);
            let mut server =
                Terminal::start(lab.server, &[&["--bind", "127.0.0.1", "--port", "0"], options].concat());
            server.shows("Ctrl+C stops");
            let first = server.screen.so_far();
            let address = first.split_whitespace().find_map(|word| word.parse().ok()).expect("the address");
            let mut peer = Peer::connect(address);
            server.shows("connected, descriptor 4");
            let children = children_of(server.pid());
            server.types("\x03");
            assert!(server.ends().success());
            assert!(children.iter().all(|&child| !is_alive(child)));
            peer.hears_the_end();
            server.shows("SIGINT received: stopping");
        }
    }
}

#[test]
fn a_signal_to_a_child_affects_only_its_client() {
    for lab in LABS {
        let _row = Row::of(&lab.server);
        let server = lab.start(&[]);
        let [(mut stays, _), (mut loses, child)] = [server.connect_served(), server.connect_served()];
        send(child, SIGTERM);
        loses.hears_the_end();
        server
            .program
            .out
            .line_with(&[&format!("(child {child})"), "is left, because its child received SIGTERM"]);
        drop(loses);
        server.program.out.line_with(&[&format!("(parent) child {child} ended, 1 connected")]);
        (lab.talk)(&mut stays);
    }
}

#[test]
fn when_the_first_process_is_killed_every_child_ends_whatever_it_waits_for() {
    for lab in LABS {
        let _row = Row::of(&lab.server);
        let mut server = lab.start(&[]);
        let [(mut silent, one), (mut mid_talk, other)] = [server.connect_served(), server.connect_served()];
        (lab.talk)(&mut mid_talk);
        let (takes_nothing, blocked) = server.connect_served();
        blocks(&takes_nothing, blocked);
        server.program.signal(SIGKILL);
        server.program.ends();
        wait_for_death(&[one, other, blocked]);
        silent.hears_the_end();
        mid_talk.hears_the_end();
    }
}

/// Sends to a child and reads nothing until both directions are full.
#[track_caller]
fn blocks(peer: &Peer, child: i32) {
    let mut speaker = peer.duplicate();
    speaker.stream.set_nonblocking(true).unwrap();
    let read_so_far = || {
        let io = std::fs::read_to_string(format!("/proc/{child}/io")).unwrap();
        io.lines().find_map(|line| line.strip_prefix("syscr: ")).unwrap().parse::<u64>().unwrap()
    };
    eventually("the child to read no more", || {
        let before = read_so_far();
        while speaker.stream.write(&[b'\n'; 4096]).is_ok() {}
        thread::sleep(std::time::Duration::from_millis(20));
        (speaker.stream.write(b"\n").is_err() && read_so_far() == before).then_some(())
    });
}

#[test]
fn a_stopped_child_does_not_keep_the_server_from_ending() {
    for lab in LABS {
        let _row = Row::of(&lab.server);
        let mut server = lab.start(&[]);
        let (_peer, child) = server.connect_served();
        send(child, SIGSTOP);
        server.program.signal(SIGINT);
        assert!(server.program.ends().success());
        assert!(!is_alive(child));
    }
}

#[test]
fn a_client_beyond_max_clients_is_refused_with_the_reason_and_a_freed_place_is_given_again() {
    for lab in LABS {
        let _row = Row::of(&lab.server);
        let server = lab.start(&["--max-clients", "2"]);
        let [(first, _), (mut second, _)] = [server.connect_served(), server.connect_served()];
        for _ in 0..3 {
            // The client's bytes arrive before it is accepted. Unread, they must not turn the close
            // into a reset.
            server.program.signal(SIGSTOP);
            let mut third = server.connect();
            third.sends("1\n".repeat(100));
            server.program.signal(SIGCONT);
            let told = String::from_utf8(third.hears_the_end()).unwrap();
            let expected = format!("{}: the server is full (at most 2 clients), try again later", lab.name);
            assert_eq!(told.trim_end(), expected);
            assert_eq!(told.lines().count(), 1);
        }
        server.program.err.line_with(&["(parent) client", "refused", "at most 2 clients, --max-clients"]);
        assert_eq!(server.children().len(), 2);
        drop(first);
        server.wait_for_children(1);
        lab.serves_another(&server);
        (lab.talk)(&mut second);
    }
}

#[test]
fn when_fork_fails_the_client_gets_the_reason_and_the_server_goes_on() {
    for lab in LABS {
        let _row = Row::of(&lab.server);
        // RLIMIT_NPROC does not apply to root: under root the server runs as user nobody.
        let (_directory, binary) = for_nobody(lab.server);
        let mut command = Command::new("env");
        if nix::unistd::geteuid().is_root() {
            command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        }
        command.args(["prlimit", "--nproc=1"]).arg(&binary).args(["--bind", "127.0.0.1", "--port", "0"]);
        let server = Server::from(&mut command);
        for _ in 0..20 {
            let told = String::from_utf8(server.connect().hears_the_end()).unwrap();
            assert!(told.contains("the server cannot make another process, try again later"), "{told}");
        }
        server.program.err.line_with(&["refused: cannot fork", "Resource temporarily unavailable"]);
        eventually("no descriptor left behind", || (sockets_of(server.pid()) == [3]).then_some(()));
    }
}

#[test]
fn iterative_is_one_process_that_serves_in_the_order_of_arrival() {
    for lab in LABS {
        let _row = Row::of(&lab.server);
        let server = lab.start(&["--iterative"]);
        let (mut first, pid) = server.connect_served();
        assert_eq!(pid, server.pid());
        let mut waiting = [server.connect(), server.connect(), server.connect()];
        let addresses: Vec<String> =
            waiting.iter().map(|peer| format!("client {} ", peer.stream.local_addr().unwrap())).collect();
        (lab.talk)(&mut first);
        assert!(server.children().is_empty());
        drop(first);
        for (peer, address) in waiting.iter_mut().zip(&addresses) {
            (lab.talk)(peer);
            assert!(server.children().is_empty());
            peer.half_closes();
            peer.hears_the_end();
            server
                .program
                .out
                .line_with(&[address, if lab.name.starts_with("echo") { "left" } else { "was served" }]);
        }
        // Each client was accepted after the previous one had left, under the same descriptor
        // number.
        let said = server.program.out.so_far();
        let turns: Vec<&str> = said.lines().filter(|line| line.starts_with("(parent) client")).collect();
        assert_eq!(turns.len(), 8, "{said}");
        for (address, turn) in addresses.iter().zip(turns[2..].chunks(2)) {
            assert!(turn.iter().all(|line| line.contains(address)), "{turns:?}");
            assert!(turn[0].ends_with("connected, descriptor 4"), "{turns:?}");
        }
    }
}

#[test]
fn iterative_ends_on_a_signal_while_one_client_is_served_and_another_waits() {
    for lab in LABS {
        let _row = Row::of(&lab.server);
        for signal in [SIGINT, SIGTERM] {
            let _row = Row::of(&signal);
            let mut server = lab.start(&["--iterative"]);
            let (mut served, _) = server.connect_served();
            let _waits = server.connect();
            server.program.signal(signal);
            assert_eq!(server.program.ends().code(), Some(0));
            served.hears_the_end();
            let said = server.program.out.to_the_end();
            assert!(said.contains("is left, because the server ends") && said.contains("stopping"), "{said}");
        }
    }
}

#[test]
fn iterative_and_max_clients_exclude_each_other() {
    for lab in LABS {
        let _row = Row::of(&lab.server);
        let what = "--iterative does not go with --max-clients <N>";
        is_refused_in_english(lab.server, &["--iterative", "--max-clients", "3"], what);
    }
}

#[test]
fn in_a_full_server_a_silent_client_of_the_heaviest_address_gives_way_to_a_stranger() {
    for lab in LABS {
        let _row = Row::of(&lab.server);
        let server = lab.start(&["--max-clients", "3"]);
        let mut speaker = server.connect();
        (lab.talk)(&mut speaker);
        let ((mut oldest, _), (_silent, _)) = (server.connect_served(), server.connect_served());
        // Of the same address: refused.
        let refused = String::from_utf8(server.connect().hears_the_end()).unwrap();
        assert!(refused.contains("the server is full (at most 3 clients)"), "{refused}");
        let elsewhere = std::net::Ipv4Addr::new(127, 0, 0, 2).into();
        (lab.talk)(&mut Peer::connect_from(elsewhere, server.address));
        oldest.hears_the_end();
        (lab.talk)(&mut speaker);
        server.program.err.line_with(&["its address or network has more places"]);
    }
}

#[test]
fn in_a_full_server_a_silent_client_of_the_heaviest_network_gives_way_to_another_network() {
    for lab in LABS {
        let _row = Row::of(&lab.server);
        let server = lab.start(&["--max-clients", "2"]);
        let from = |third, host| {
            Peer::connect_from(std::net::Ipv4Addr::new(127, 0, third, host).into(), server.address)
        };
        let mut oldest = from(0, 2);
        server.wait_for_children(1);
        let _silent = from(0, 3);
        server.wait_for_children(2);
        let refused = String::from_utf8(from(0, 4).hears_the_end()).unwrap();
        assert!(refused.contains("the server is full (at most 2 clients)"), "{refused}");
        (lab.talk)(&mut from(1, 1));
        oldest.hears_the_end();
    }
}
