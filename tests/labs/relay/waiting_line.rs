//! More clients than places: they wait in line, in the order of arrival.

use super::*;

#[test]
fn a_third_client_receives_nothing_until_a_place_is_free() {
    let server = server(&[]);
    let (mut first, mut second) = pair(&server);
    let mut third = in_line(&server);
    let mut fourth = in_line(&server);
    says(&mut first, &mut second, "à deux");
    second.sends("fin\0");
    assert_eq!(second.hears_the_end(), b"");
    // The first bytes that it receives.
    third.hears("2\0rec\0à deux\0");
    says(&mut third, &mut first, "me voici");
    first.sends("fin\0");
    fourth.hears("1\0rec\0me voici\0");
    says(&mut fourth, &mut third, "et moi");
}

#[test]
fn a_waiting_client_that_leaves_is_printed_and_skipped() {
    let server = server(&[]);
    let (mut first, second) = pair(&server);
    let leavers = [in_line(&server), in_line(&server), in_line(&server)];
    let mut patient = in_line(&server);
    for (mut leaver, (goes, manner)) in leavers.into_iter().zip([
        (drop as fn(Peer), "est parti"),
        (Peer::resets, "a disparu"),
        (|mut peer| peer.half_closes(), "est parti"),
    ]) {
        let _row = Row::of(&manner);
        // With unread bytes.
        leaver.sends("moi d'abord\0");
        has_unread(&server, &leaver, "moi d'abord\0".len());
        let address = address_of(&leaver);
        goes(leaver);
        prints(&server, &["(père) le client", &address, manner, "sans avoir eu de place"]);
    }
    drop(second);
    patient.hears("2\0rec\0");
    says(&mut first, &mut patient, "bienvenue");
}

#[test]
fn messages_sent_while_waiting_are_read_in_turn() {
    let server = server(&[]);
    let (mut first, mut second) = pair(&server);
    let mut third = in_line(&server);
    third.sends("dit en attendant\0");
    says(&mut first, &mut second, "un");
    drop(second);
    third.hears("2\0rec\0un\0");
    first.hears("dit en attendant\0");
}

#[test]
fn when_both_leave_the_next_two_in_line_are_a_new_pair() {
    let server = server(&[]);
    let (mut first, mut second) = pair(&server);
    says(&mut first, &mut second, "à oublier");
    let (mut third, mut fourth) = (in_line(&server), in_line(&server));
    server.program.signal(nix::sys::signal::Signal::SIGSTOP);
    drop((first, second));
    server.program.signal(nix::sys::signal::Signal::SIGCONT);
    third.hears("1\0");
    fourth.hears("2\0");
    third.hears("emi\0");
    fourth.hears("rec\0");
    says(&mut third, &mut fourth, "à neuf");
}

#[test]
fn a_client_beyond_max_clients_is_refused_with_a_string_that_says_so() {
    let server = server(&["--max-clients", "3"]);
    let (mut first, mut second) = pair(&server);
    let mut third = in_line(&server);
    let mut fourth = server.connect();
    let said = String::from_utf8(fourth.hears_the_end()).unwrap();
    assert!(
        said.starts_with("relay_serveur : ") && said.ends_with('\0') && said.matches('\0').count() == 1,
        "{said}"
    );
    assert!(said.contains("pleine") && said.contains('3'), "{said}");
    server.program.err.line_with(&["(père) client", &address_of(&fourth), "refusé", "--max-clients"]);
    says(&mut first, &mut second, "on continue");
    drop(first);
    drop(second);
    // The server has noticed that one of them has left: a place is free again.
    assert!(["1", "2"].contains(&&third.strings(1)[0][..]));
    gets_a_place(&server);
}

#[track_caller]
fn gets_a_place(server: &Server) {
    let mut peer = server.connect();
    assert!(["1", "2"].contains(&&peer.strings(1)[0][..]));
}

#[test]
fn sixteen_clients_that_send_one_message_each_are_all_served() {
    let server = server(&["--max-clients", "200"]);
    let peers: Vec<_> = (0..16).map(|_| server.connect()).collect();
    std::thread::scope(|scope| {
        for mut peer in peers {
            scope.spawn(move || {
                // Reads number, role and, unless it has the first turn, a message. Then sends a
                // message and closes.
                let begins = peer.strings(2);
                if begins.get(1).is_some_and(|role| role == "rec") {
                    peer.hears_up_to("\0");
                }
                peer.sends("un mot\0");
                drop(peer);
            });
        }
    });
    eventually("all clients to have left", || {
        let printed = server.program.out.so_far();
        let left =
            printed.matches("sa place est libre").count() + printed.matches("sans avoir eu de place").count();
        (left == 16).then_some(())
    });
    pair(&server);
}

#[test]
fn in_a_full_line_the_last_of_the_heaviest_address_gives_way_to_a_stranger() {
    let server = server(&["--max-clients", "4"]);
    let (_first, second) = pair(&server);
    let (mut third, mut fourth) = (in_line(&server), in_line(&server));
    let elsewhere = std::net::Ipv4Addr::new(127, 0, 0, 2).into();
    let mut stranger = Peer::connect_from(elsewhere, server.address);
    let told = String::from_utf8(fourth.hears_the_end()).unwrap();
    assert!(told.starts_with("relay_serveur : ") && told.contains("une autre adresse"), "{told}");
    prints(&server, &[&address_of(&stranger)]);
    drop(second);
    third.hears("2\0rec\0");
    drop(third);
    stranger.hears("2\0rec\0");
}

#[test]
fn in_a_full_line_the_last_of_the_heaviest_network_gives_way_to_another_network() {
    let server = server(&["--max-clients", "4"]);
    let _pair = pair(&server);
    let mut line = [2, 3].map(|host| {
        let peer = Peer::connect_from(std::net::Ipv4Addr::new(127, 0, 0, host).into(), server.address);
        prints(&server, &[&address_of(&peer), "attend une place"]);
        peer
    });
    let elsewhere = std::net::Ipv4Addr::new(127, 0, 1, 1).into();
    let stranger = Peer::connect_from(elsewhere, server.address);
    let told = String::from_utf8(line[1].hears_the_end()).unwrap();
    assert!(told.contains("une autre adresse"), "{told}");
    prints(&server, &[&address_of(&stranger), "attend une place"]);
}

#[test]
fn one_address_that_takes_all_descriptors_keeps_no_stranger_out_of_the_line() {
    let options = ["--nofile=48", SERVER, "--bind", "127.0.0.1", "--port", "0"];
    let server = Server::from(Command::new("prlimit").args(options));
    let _silent: Vec<Peer> = (0..80).map(|_| server.connect()).collect();
    let stranger = Peer::connect_from(std::net::Ipv4Addr::new(127, 0, 0, 2).into(), server.address);
    prints(&server, &[&address_of(&stranger), "attend une place"]);
}
