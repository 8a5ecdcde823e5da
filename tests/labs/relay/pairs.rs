//! `--pairs`: a process for each pair beyond the first.

use super::*;
use nix::sys::signal::Signal::{SIGINT, SIGKILL, SIGSTOP, SIGTERM};

/// The number of open sockets of a process.
fn sockets_of(pid: i32) -> usize {
    descriptors_of(pid).iter().filter(|(_, what)| what.starts_with("socket:")).count()
}

#[test]
fn each_pair_beyond_the_first_has_a_child_as_long_as_it_lasts() {
    let server = server(&["--pairs", "3"]);
    assert_eq!(server.children().len(), 0);
    let _first = pair(&server);
    assert_eq!(server.children().len(), 0);
    let third = numbered(&server, 1);
    let child = server.wait_for_children(1)[0];
    assert_eq!(name_of(child), "relay_serveur");
    let mut fourth = numbered(&server, 2);
    let (fifth, _sixth) = pair(&server);
    assert_eq!(server.wait_for_children(2).len(), 2);
    drop(third);
    fourth.hears("rec\0");
    assert!(server.children().contains(&child));
    drop(fourth);
    prints(&server, &["(père) paire 2 : plus de clients", &child.to_string()]);
    assert_eq!(server.wait_for_children(1).len(), 1);
    drop(fifth);
}

#[test]
fn without_pairs_there_is_one_process() {
    let server = server(&[]);
    let _pair = pair(&server);
    let _others = [in_line(&server), in_line(&server)];
    assert!(server.children().is_empty());
}

#[test]
fn messages_stay_within_their_pair() {
    let server = server(&["--pairs", "4"]);
    let mut pairs: Vec<(Peer, Peer)> = (0..4).map(|_| pair(&server)).collect();
    for round in 0..20 {
        for (i, (first, second)) in pairs.iter_mut().enumerate() {
            first.sends(format!("paire {i}, {round}\0"));
            second.sends(format!("réponse {i}, {round}\0"));
        }
        for (i, (first, second)) in pairs.iter_mut().enumerate() {
            second.hears(format!("paire {i}, {round}\0"));
            first.hears(format!("réponse {i}, {round}\0"));
        }
    }
    for child in server.children() {
        prints(&server, &[&format!("(fils {child}) client 1 → client 2 : paire "), ", 19"]);
    }
}

#[test]
fn a_new_client_completes_a_pair_before_another_begins() {
    let server = server(&["--pairs", "3"]);
    let _first = pair(&server);
    let (mut third, mut fourth) = pair(&server);
    says(&mut third, &mut fourth, "dernier mot");
    fourth.sends("fin\0");
    assert_eq!(fourth.hears_the_end(), b"");
    let mut newcomer = server.connect();
    newcomer.hears("2\0rec\0dernier mot\0");
    says(&mut newcomer, &mut third, "bonjour");
    assert_eq!(server.children().len(), 1);
}

#[test]
fn an_empty_first_pair_is_filled_before_a_process_is_forked() {
    let server = server(&["--pairs", "3"]);
    let (first, second) = pair(&server);
    let _others = pair(&server);
    drop((first, second));
    prints(&server, &["(père) les deux clients sont partis"]);
    let _again = pair(&server);
    assert_eq!(server.children().len(), 1);
}

#[test]
fn when_all_pairs_are_full_clients_wait_for_any_of_them() {
    let server = server(&["--pairs", "2"]);
    let (_first, _second) = pair(&server);
    let (mut third, fourth) = pair(&server);
    let mut fifth = in_line(&server);
    drop(fourth);
    fifth.hears("2\0rec\0");
    says(&mut third, &mut fifth, "à nous");
    assert_eq!(server.children().len(), 1);
}

#[test]
fn the_sockets_of_a_pair_are_held_by_its_process_alone() {
    let server = server(&["--pairs", "2"]);
    let (first, second) = pair(&server);
    let (third, fourth) = pair(&server);
    let child = server.wait_for_children(1)[0];
    for (peer, holder) in [(&first, server.pid()), (&second, server.pid()), (&third, child), (&fourth, child)]
    {
        let _row = Row::of(&peer.stream.local_addr());
        let port = format!(":{}", peer.stream.local_addr().unwrap().port());
        let shown = Command::new("ss").args(["-Htnp", "dport", "=", &port]).output().expect("ss").stdout;
        let shown = String::from_utf8(shown).unwrap();
        let holders = shown.split("users:").nth(1).expect("ss -p shows the processes");
        assert!(
            holders.matches("pid=").count() == 1 && holders.contains(&format!("pid={holder},")),
            "{shown}"
        );
    }
    // In the child, the link and its two clients; in the first process, two clients, the listener,
    // and the link's other end.
    assert_eq!((sockets_of(child), sockets_of(server.pid())), (3, 4));
}

#[test]
fn a_killed_child_disconnects_only_its_own_two_clients() {
    for signal in [SIGKILL, SIGTERM] {
        let _row = Row::of(&signal);
        let server = server(&["--pairs", "3"]);
        let (mut first, mut second) = pair(&server);
        let (mut third, mut fourth) = pair(&server);
        let child = server.wait_for_children(1)[0];
        let (mut fifth, mut sixth) = pair(&server);
        send(child, signal);
        let last_words = if signal == SIGTERM { &b"exit\0"[..] } else { b"" };
        assert_eq!(third.hears_the_end(), last_words);
        assert_eq!(fourth.hears_the_end(), last_words);
        drop((third, fourth));
        match signal {
            SIGTERM => server.program.out.line_with(&["(père) paire 2", &child.to_string(), "terminé"]),
            _ => server
                .program
                .err
                .line_with(&["(père) la paire 2 a perdu son fils, tué par", &child.to_string()]),
        };
        says(&mut first, &mut second, "toujours là");
        says(&mut fifth, &mut sixth, "nous aussi");
        // The place of the pair is free again.
        let (mut seventh, mut eighth) = pair(&server);
        says(&mut seventh, &mut eighth, "à neuf");
        assert!(!server.wait_for_children(2).contains(&child));
    }
}

#[test]
fn the_places_of_a_killed_child_go_to_waiting_clients() {
    let server = server(&["--pairs", "2"]);
    let _first = pair(&server);
    let (_third, _fourth) = pair(&server);
    let child = server.wait_for_children(1)[0];
    let mut fifth = in_line(&server);
    send(child, SIGKILL);
    fifth.hears("1\0");
}

#[test]
fn sigint_does_not_end_a_child() {
    let server = server(&["--pairs", "2"]);
    let _first = pair(&server);
    let (mut third, mut fourth) = pair(&server);
    send(server.wait_for_children(1)[0], SIGINT);
    says(&mut third, &mut fourth, "toujours là");
}

#[test]
fn a_signal_sends_exit_to_the_clients_of_all_pairs_and_leaves_no_process() {
    for signal in [SIGINT, SIGTERM] {
        let _row = Row::of(&signal);
        let mut server = server(&["--pairs", "2"]);
        let (mut first, mut second) = pair(&server);
        let (mut third, mut fourth) = pair(&server);
        let mut fifth = in_line(&server);
        fourth.sends("hors de mon tour\0");
        let children = server.wait_for_children(1);
        server.program.signal(signal);
        for peer in [&mut first, &mut second, &mut third, &mut fourth, &mut fifth] {
            assert_eq!(peer.hears_the_end(), b"exit\0");
        }
        drop((first, second, third, fourth, fifth));
        assert_eq!(server.program.ends().code(), Some(0));
        assert!(children.iter().all(|&child| !is_alive(child)));
        assert!(server.program.out.to_the_end().contains("arrêt, 5 en ligne"));
        assert_eq!(server.program.err.to_the_end(), "");
    }
}

#[test]
fn when_the_first_process_is_killed_its_children_send_exit_and_end() {
    let mut server = server(&["--pairs", "3"]);
    let (mut first, mut second) = pair(&server);
    let mut others = [pair(&server), pair(&server)];
    let children = server.wait_for_children(2);
    server.program.signal(SIGKILL);
    server.program.ends();
    assert_eq!(first.hears_the_end(), b"");
    assert_eq!(second.hears_the_end(), b"");
    for (one, two) in &mut others {
        assert_eq!(one.hears_the_end(), b"exit\0");
        assert_eq!(two.hears_the_end(), b"exit\0");
    }
    drop(others);
    eventually("the children to end", || children.iter().all(|&child| !is_alive(child)).then_some(()));
    let port = server.port();
    Server::from(Command::new(SERVER).args(["--bind", "127.0.0.1", "--port", &port]));
}

#[test]
fn a_stopped_child_does_not_keep_the_server_from_ending() {
    let mut server = server(&["--pairs", "2"]);
    let _first = pair(&server);
    let (third, fourth) = pair(&server);
    let child = server.wait_for_children(1)[0];
    send(child, SIGSTOP);
    drop((third, fourth));
    server.program.signal(SIGINT);
    assert_eq!(server.program.ends().code(), Some(0));
    assert!(!is_alive(child));
}

#[test]
fn pairs_that_end_leave_no_process_and_no_descriptor() {
    let server = server(&["--pairs", "3"]);
    let _first = pair(&server);
    let before = descriptors_of(server.pid());
    for round in 0..10 {
        let (mut third, fourth) = pair(&server);
        let fifth = numbered(&server, 1);
        if round % 2 == 0 {
            third.sends("fin\0");
        }
        drop((third, fourth, fifth));
        server.wait_for_children(0);
    }
    eventually("descriptors as before", || (descriptors_of(server.pid()) == before).then_some(()));
}

#[test]
fn when_fork_fails_the_client_is_refused_with_the_reason() {
    let server = Server::from(Command::new("prlimit").args(["--nofile=24", SERVER]).args([
        "--bind",
        "127.0.0.1",
        "--port",
        "0",
        "--pairs",
        "50",
        "--max-clients",
        "100",
    ]));
    let mut peers: Vec<Peer> = Vec::new();
    // Each further pair costs the first process one descriptor, for the link, until none is left.
    let refused = (0..100).find_map(|_| {
        let mut peer = server.connect();
        let said = peer.strings(1).remove(0);
        peers.push(peer);
        said.contains("processus").then_some(said)
    });
    assert!(refused.expect("a refusal for want of descriptors").starts_with("relay_serveur : "));
    server.program.err.line_with(&["refusé : fork impossible : Too many open files"]);
    assert!(is_alive(server.pid()));
}
