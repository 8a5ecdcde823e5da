//! Clients that close, half-close or reset, in each state of a connection. All of it counts as
//! `fin`, at once.

use super::*;

/// A way to disconnect, by name.
type Way = (&'static str, fn(Peer));

const WAYS: [Way; 3] = [("close", drop), ("reset", Peer::resets), ("half-close", half_closes)];

#[track_caller]
fn half_closes(mut peer: Peer) {
    peer.half_closes();
    // The server closes its side as well.
    peer.hears_the_end();
}

#[track_caller]
fn has_gone(server: &Server, number: u8, address: &str) {
    prints(server, &[&format!("(père) le client {number} ({address})"), "sa place est libre"]);
}

#[test]
fn a_client_without_a_partner_frees_its_place() {
    for (way, goes) in WAYS {
        let _row = Row::of(&way);
        let server = server(&[]);
        let alone = numbered(&server, 1);
        let address = address_of(&alone);
        goes(alone);
        has_gone(&server, 1, &address);
        pair(&server);
    }
}

#[test]
fn a_client_that_leaves_in_turn_frees_its_place_and_its_turn() {
    for (way, goes) in WAYS {
        let _row = Row::of(&way);
        let server = server(&[]);
        let (first, mut second) = pair(&server);
        let address = address_of(&first);
        goes(first);
        has_gone(&server, 1, &address);
        let mut newcomer = server.connect();
        newcomer.hears("1\0rec\0\0");
        says(&mut newcomer, &mut second, "à nous");
    }
}

#[test]
fn half_a_message_before_a_half_close_is_delivered() {
    let server = server(&[]);
    let (mut first, mut second) = pair(&server);
    first.sends("un adieu sans fin");
    first.half_closes();
    second.hears("un adieu sans fin\0");
    assert_eq!(first.hears_the_end(), b"");
}

#[test]
fn a_whole_message_before_a_close_is_delivered() {
    let server = server(&[]);
    let (mut first, mut second) = pair(&server);
    let address = address_of(&first);
    first.sends("adieu\0");
    drop(first);
    second.hears("adieu\0");
    has_gone(&server, 1, &address);
}

#[test]
fn a_client_that_leaves_out_of_turn_frees_its_place() {
    for (way, goes) in WAYS {
        let _row = Row::of(&way);
        let server = server(&[]);
        let (mut first, second) = pair(&server);
        let address = address_of(&second);
        goes(second);
        has_gone(&server, 2, &address);
        let mut newcomer = server.connect();
        newcomer.hears("2\0rec\0");
        says(&mut first, &mut newcomer, "à nous");
    }
}

#[test]
fn a_client_that_leaves_out_of_turn_with_unread_bytes_frees_its_place() {
    for (way, goes) in WAYS {
        let _row = Row::of(&way);
        let server = server(&[]);
        let (mut first, mut second) = pair(&server);
        let address = address_of(&second);
        second.sends("jamais lu\0");
        has_unread(&server, &second, "jamais lu\0".len());
        goes(second);
        has_gone(&server, 2, &address);
        let mut newcomer = server.connect();
        newcomer.hears("2\0rec\0");
        says(&mut first, &mut newcomer, "à nous");
        says(&mut newcomer, &mut first, "oui");
    }
}

#[test]
fn a_client_that_leaves_between_number_and_role_frees_its_place() {
    for (way, goes) in WAYS {
        let _row = Row::of(&way);
        let server = server(&[]);
        let mut first = numbered(&server, 1);
        let second = numbered(&server, 2);
        let address = address_of(&second);
        goes(second);
        has_gone(&server, 2, &address);
        first.hears("emi\0");
        let mut newcomer = server.connect();
        newcomer.hears("2\0rec\0");
        says(&mut first, &mut newcomer, "à nous");
    }
}

#[test]
fn clients_that_leave_before_they_read_anything_free_their_place() {
    for (way, goes) in WAYS {
        let _row = Row::of(&way);
        let server = server(&[]);
        let mut first = numbered(&server, 1);
        (0..20).for_each(|_| goes(server.connect()));
        let mut last = server.connect();
        first.hears("emi\0");
        assert!(last.strings(1)[0].starts_with('2'));
        assert_eq!(last.strings(1), ["rec"]);
        says(&mut first, &mut last, "enfin");
    }
}

#[test]
fn after_both_have_left_the_next_two_start_anew() {
    for (way, goes) in WAYS {
        let _row = Row::of(&way);
        let server = server(&[]);
        let (mut first, mut second) = pair(&server);
        says(&mut first, &mut second, "à oublier");
        goes(first);
        goes(second);
        prints(&server, &["(père) les deux clients sont partis"]);
        let (mut first, mut second) = pair(&server);
        says(&mut first, &mut second, "à neuf");
    }
}

#[test]
fn both_clients_may_leave_at_once() {
    let server = server(&[]);
    let (first, second) = pair(&server);
    server.program.signal(nix::sys::signal::Signal::SIGSTOP);
    drop((first, second));
    server.program.signal(nix::sys::signal::Signal::SIGCONT);
    prints(&server, &["(père) les deux clients sont partis"]);
    pair(&server);
}

#[test]
fn a_hundred_disconnects_leave_no_descriptor() {
    let server = server(&[]);
    let mut first = numbered(&server, 1);
    let before = descriptors_of(server.pid());
    for (i, (way, goes)) in WAYS.into_iter().cycle().take(100).enumerate() {
        let _row = Row::of(&(i, way));
        let mut second = server.connect();
        second.hears("2\0");
        if i % 2 == 0 {
            second.sends("hors de mon tour\0");
        }
        goes(second);
    }
    first.hears("emi\0");
    let numbers = |open: &[(i32, String)]| open.iter().map(|(number, _)| *number).collect::<Vec<_>>();
    eventually("descriptors as before", || {
        (numbers(&descriptors_of(server.pid())) == numbers(&before)).then_some(())
    });
}
