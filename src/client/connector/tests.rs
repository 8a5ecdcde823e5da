//! A search in a time of the test's own.

use super::*;
use std::net::{SocketAddr, TcpListener};

/// Tries on, in a time of the test's own, until `stop`; how many tries there were. The connection, if one came.
fn search(
    connector: &mut Connector,
    now: &mut Instant,
    stop: Instant,
) -> (usize, io::Result<Option<TcpStream>>) {
    let mut tries = 0;
    loop {
        match connector.advance(*now) {
            Ok(None) => {}
            over => return (tries, over),
        }
        if let Some(socket) = connector.watched() {
            // The kernel answers in its own time.
            let _ = sys::wait(&mut [socket], None);
            continue;
        }
        if connector.again >= stop {
            return (tries, Ok(None));
        }
        *now = connector.again;
        tries += 1;
    }
}

fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
fn a_server_that_comes_late_within_3_seconds_is_found() {
    let address = nobody();
    let server = Target::of(address);
    let mut connector = Connector::in_brief(&server);
    let (mut now, end) = (connector.again, connector.end.unwrap());
    // Often enough that whoever starts both by hand does not notice.
    let (tries, none) = search(&mut connector, &mut now, end);
    assert!(tries > 10 && none.unwrap().is_none(), "{tries}");
    // The last try of all is at the very end.
    assert_eq!(connector.again, end);
    let _listener = TcpListener::bind(address).unwrap();
    now = end;
    assert!(search(&mut connector, &mut now, end + CONNECT_TIMEOUT).1.unwrap().is_some());
}

#[test]
fn after_3_seconds_it_gives_up_with_the_reason() {
    let server = Target::of(nobody());
    let mut connector = Connector::in_brief(&server);
    let begin = connector.again;
    let mut now = begin;
    let refusal = search(&mut connector, &mut now, begin + 2 * CONNECT_TIMEOUT).1.unwrap_err();
    assert_eq!((refusal.kind(), now), (io::ErrorKind::ConnectionRefused, connector.end.unwrap()));
}

#[test]
fn pauses_grow_as_long_as_no_connection_lasts() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Target::of(listener.local_addr().unwrap());
    let mut connector = Connector::new(&server);
    let begin = connector.again;
    let mut now = begin;
    assert!(search(&mut connector, &mut now, begin).1.unwrap().is_some());
    let mut pauses = Vec::new();
    for (lasted, is_repeating) in
        [(0, false), (0, true), (4, true), (4, true), (4, true), (4, true), (6, false), (0, false), (0, true)]
    {
        now += Duration::from_secs(lasted);
        connector.lost(now);
        assert_eq!(connector.is_repeating(), is_repeating);
        pauses.push(connector.patience(now).as_millis());
        now = connector.again;
        // On probation, until it has lasted.
        connector.advance(now).unwrap();
        while matches!(connector.attempt, Attempt::Asked(..)) {
            let _ = sys::wait(&mut [connector.watched().unwrap()], None);
            assert!(connector.advance(now).unwrap().is_none());
        }
        now += PROBATION;
        assert!(connector.advance(now).unwrap().is_some());
    }
    assert_eq!(pauses, [200, 400, 800, 1600, 3200, 5000, 200, 400, 800]);
}
