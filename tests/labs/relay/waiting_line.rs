//! More clients than places: they wait in line, in the order in which they came.

use super::*;

#[test]
fn a_third_client_waits_told_nothing_until_a_place_is_free() {
    let server = server(&[]);
    let (mut first, mut second) = pair(&server);
    let mut third = in_line(&server);
    let mut fourth = in_line(&server);
    says(&mut first, &mut second, "à deux");
    second.sends("fin\0");
    assert_eq!(second.hears_the_end(), b"");
    // The first thing that it ever hears.
    third.hears("2\0rec\0à deux\0");
    says(&mut third, &mut first, "me voici");
    first.sends("fin\0");
    fourth.hears("1\0rec\0me voici\0");
    says(&mut fourth, &mut third, "et moi");
}

#[test]
fn who_leaves_the_line_is_told_about_and_never_called() {
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
        // Also behind bytes that nobody reads.
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
fn what_is_said_in_line_is_read_at_its_turn() {
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
fn beyond_max_clients_one_is_refused_with_a_string_that_says_so() {
    let server = server(&["--max-clients", "3"]);
    let (mut first, mut second) = pair(&server);
    let _third = in_line(&server);
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
    // There is room again.
    in_line_or_seated(&server);
}

#[track_caller]
fn in_line_or_seated(server: &Server) {
    let mut peer = server.connect();
    assert!(["1", "2"].contains(&&peer.strings(1)[0][..]));
}

#[test]
fn a_crowd_of_which_each_says_one_word_is_served_to_the_last() {
    let server = server(&["--max-clients", "200"]);
    let crowd: Vec<_> = (0..16).map(|_| server.connect()).collect();
    std::thread::scope(|scope| {
        for mut peer in crowd {
            scope.spawn(move || {
                // Number, role and, unless it speaks first, a message; then it speaks, and leaves.
                let begins = peer.strings(2);
                if begins.get(1).is_some_and(|role| role == "rec") {
                    peer.hears_up_to("\0");
                }
                peer.sends("un mot\0");
                drop(peer);
            });
        }
    });
    eventually("everybody to have left", || {
        let printed = server.program.out.so_far();
        let left =
            printed.matches("sa place est libre").count() + printed.matches("sans avoir eu de place").count();
        (left == 16).then_some(())
    });
    pair(&server);
}
