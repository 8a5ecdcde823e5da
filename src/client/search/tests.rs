//! A search in a time of the test's own.

use super::*;
use std::net::{SocketAddr, TcpListener};

/// Tries on, in a time of the test's own, until `stop`; how many tries there were. The connection, if one came.
fn search(dial: &mut Dial, now: &mut Instant, stop: Instant) -> (usize, io::Result<Option<TcpStream>>) {
    let mut tries = 0;
    loop {
        match dial.advance(*now) {
            Ok(None) => {}
            over => return (tries, over),
        }
        if let Some(socket) = dial.watched() {
            // The kernel answers in its own time.
            let _ = sys::wait(&mut [socket], None);
            continue;
        }
        if dial.again >= stop {
            return (tries, Ok(None));
        }
        *now = dial.again;
        tries += 1;
    }
}

fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
fn a_server_that_comes_late_within_3_seconds_is_found() {
    let address = nobody();
    let server = Server::of(address);
    let mut dial = Dial::in_brief(&server);
    let (mut now, end) = (dial.again, dial.end.unwrap());
    // Often enough that whoever starts both by hand does not notice.
    let (tries, none) = search(&mut dial, &mut now, end);
    assert!(tries > 10 && none.unwrap().is_none(), "{tries}");
    // The last try of all is at the very end.
    assert_eq!(dial.again, end);
    let _listener = TcpListener::bind(address).unwrap();
    now = end;
    assert!(search(&mut dial, &mut now, end + PATIENCE).1.unwrap().is_some());
}

#[test]
fn after_3_seconds_it_gives_up_with_the_reason() {
    let server = Server::of(nobody());
    let mut dial = Dial::in_brief(&server);
    let begin = dial.again;
    let mut now = begin;
    let refusal = search(&mut dial, &mut now, begin + 2 * PATIENCE).1.unwrap_err();
    assert_eq!((refusal.kind(), now), (io::ErrorKind::ConnectionRefused, dial.end.unwrap()));
}

#[test]
fn pauses_grow_as_long_as_no_connection_lasts() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server::of(listener.local_addr().unwrap());
    let mut dial = Dial::new(&server);
    let begin = dial.again;
    let mut now = begin;
    assert!(search(&mut dial, &mut now, begin).1.unwrap().is_some());
    let mut pauses = Vec::new();
    for (lasted, is_repeating) in
        [(0, false), (0, true), (4, true), (4, true), (4, true), (4, true), (6, false), (0, false), (0, true)]
    {
        now += Duration::from_secs(lasted);
        dial.lost(now);
        assert_eq!(dial.is_repeating(), is_repeating);
        pauses.push(dial.patience(now).as_millis());
        now = dial.again;
        // On probation, until it has lasted.
        dial.advance(now).unwrap();
        while matches!(dial.trying, Trying::Asked(..)) {
            let _ = sys::wait(&mut [dial.watched().unwrap()], None);
            assert!(dial.advance(now).unwrap().is_none());
        }
        now += PROBATION;
        assert!(dial.advance(now).unwrap().is_some());
    }
    assert_eq!(pauses, [200, 400, 800, 1600, 3200, 5000, 200, 400, 800]);
}
