//! Attempts on a simulated clock.

use super::*;
use std::net::{SocketAddr, TcpListener};

const WAIT: Duration = Duration::from_secs(3);

/// Advances the clock round by round until `stop`: the number of rounds, and whether the last one
/// connected.
fn run_until(connector: &mut Connector, now: &mut Instant, stop: Instant) -> io::Result<(usize, bool)> {
    let mut rounds = 0;
    loop {
        if connector.advance(*now)?.is_some() {
            return Ok((rounds, true));
        }
        if let Some(socket) = connector.poll_fd() {
            // The kernel runs on real time.
            let _ = sys::wait(&mut [socket], None);
            continue;
        }
        if connector.next_round >= stop {
            return Ok((rounds, false));
        }
        *now = connector.next_round;
        rounds += 1;
    }
}

fn unused_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
fn a_server_that_starts_within_3_seconds_is_found() {
    let address = unused_address();
    let server = Target::of(address, Some(WAIT));
    let mut connector = Connector::new(&server);
    let (mut now, end) = (connector.next_round, connector.deadline.unwrap());
    let (rounds, is_connected) = run_until(&mut connector, &mut now, end).unwrap();
    assert!(rounds > 10 && !is_connected, "{rounds}");
    // The last round begins at the deadline.
    assert_eq!(connector.next_round, end);
    let _listener = TcpListener::bind(address).unwrap();
    now = end;
    assert!(run_until(&mut connector, &mut now, end + WAIT).unwrap().1);
}

#[test]
fn gives_up_after_3_seconds_with_the_last_error() {
    let server = Target::of(unused_address(), Some(WAIT));
    let mut connector = Connector::new(&server);
    let begin = connector.next_round;
    let mut now = begin;
    let error = run_until(&mut connector, &mut now, begin + 2 * WAIT).unwrap_err();
    assert_eq!((error.kind(), now), (io::ErrorKind::ConnectionRefused, connector.deadline.unwrap()));
}

#[test]
fn without_a_limit_the_search_goes_on_and_is_told_once() {
    let address = unused_address();
    let server = Target::of(address, None);
    let mut connector = Connector::new(&server);
    let mut now = connector.next_round;
    let messages = Messages { program: crate::cli::Program::english("test") };
    for is_first in [true, false] {
        let later = now + Duration::from_secs(100);
        assert!(!run_until(&mut connector, &mut now, later).unwrap().1);
        assert_eq!(connector.take_first_failure(messages).is_some(), is_first);
    }
    // A server that is up is found within a moment, however long the search was.
    assert!(connector.timeout(now).unwrap() <= MAX_BACK_OFF);
    let _listener = TcpListener::bind(address).unwrap();
    let later = now + MAX_BACK_OFF;
    assert!(run_until(&mut connector, &mut now, later + MAX_BACK_OFF).unwrap().1);
    assert!(now <= later);
}

#[test]
fn an_address_on_a_slow_path_is_given_more_time_in_each_round() {
    // A full backlog: the kernel drops further SYNs.
    let listener = sys::listen("127.0.0.1:0".parse().unwrap(), 0).unwrap();
    let address = listener.local_addr().unwrap();
    let _waiting = [(); 8].map(|()| sys::begin_connecting(address).unwrap());
    for wait in [None, Some(WAIT * 10)] {
        let server = Target::of(address, wait);
        let mut connector = Connector::new(&server);
        let mut now = connector.next_round;
        let timeouts = [(); 5].map(|()| {
            assert!(connector.advance(now).unwrap().is_none());
            let timeout = connector.timeout(now).unwrap();
            now += timeout;
            assert!(connector.advance(now).unwrap().is_none());
            now = connector.next_round;
            timeout.as_secs()
        });
        assert_eq!(timeouts, [1, 2, 4, 8, 8], "{wait:?}");
    }
}

#[test]
fn the_last_round_ends_about_a_second_after_the_deadline() {
    let listener = sys::listen("127.0.0.1:0".parse().unwrap(), 0).unwrap();
    let address = listener.local_addr().unwrap();
    let _waiting = [(); 8].map(|()| sys::begin_connecting(address).unwrap());
    for (seconds, expected) in [
        (0, &[1000, 250][..]),
        (1, &[1000, 1000]),
        (3, &[1000, 1000, 1000, 950]),
        (5, &[1000, 1000, 2000, 1000]),
        (12, &[1000, 1000, 2000, 2000, 4000, 1850]),
    ] {
        let mut server = Target::of(address, Some(Duration::from_secs(seconds)));
        // Two that do not answer: the second is given some time as well.
        server.addresses.push(address);
        let mut connector = Connector::new(&server);
        let deadline = connector.deadline.unwrap();
        let begun = connector.next_round;
        let (mut now, mut timeouts) = (begun, Vec::new());
        let error = loop {
            match connector.advance(now) {
                Ok(connected) => assert!(connected.is_none()),
                Err(error) => break error,
            }
            let timeout = connector.timeout(now).unwrap();
            if matches!(connector.attempt, Attempt::Connecting(..)) {
                timeouts.push(timeout.as_millis());
            }
            now += timeout;
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(timeouts, expected, "--wait {seconds}");
        assert!(now <= deadline + ATTEMPT_TIMEOUT + MIN_ATTEMPT_TIMEOUT, "--wait {seconds}");
    }
}

#[test]
fn the_way_to_the_server_adds_to_the_probation() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Target::of(listener.local_addr().unwrap(), None);
    let mut connector = Connector::new(&server);
    let begun = connector.next_round;
    connector.reconnect(begun);
    connector.attempt = Attempt::Connecting(sys::begin_connecting(server.addresses[0]).unwrap(), begun);
    sys::wait(&mut [connector.poll_fd().unwrap()], None).unwrap();
    let connected = begun + WAIT;
    assert!(connector.advance(connected).unwrap().is_none());
    assert_eq!(connector.timeout(connected), Some(PROBATION + WAIT));
}

#[test]
fn an_error_that_cannot_pass_ends_the_search_at_once() {
    // No interface has it: EINVAL.
    let server = Target::of("[fe80::1]:1".parse().unwrap(), None);
    let mut connector = Connector::new(&server);
    let mut now = connector.next_round;
    let stop = now + WAIT;
    let error = run_until(&mut connector, &mut now, stop).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(Errno::EINVAL as i32));
}

#[test]
fn back_off_grows_while_no_connection_lasts() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Target::of(listener.local_addr().unwrap(), None);
    let mut connector = Connector::new(&server);
    let begin = connector.next_round;
    let mut now = begin;
    assert!(run_until(&mut connector, &mut now, begin).unwrap().1);
    let mut back_offs = Vec::new();
    for (lasted, is_flapping) in
        [(0, false), (0, true), (4, true), (4, true), (4, true), (4, true), (6, false), (0, false), (0, true)]
    {
        now += Duration::from_secs(lasted);
        connector.reconnect(now);
        assert_eq!(connector.is_flapping(), is_flapping);
        back_offs.push(connector.timeout(now).unwrap().as_millis());
        now = connector.next_round;
        connector.advance(now).unwrap();
        while matches!(connector.attempt, Attempt::Connecting(..)) {
            let _ = sys::wait(&mut [connector.poll_fd().unwrap()], None);
            assert!(connector.advance(now).unwrap().is_none());
        }
        now += PROBATION;
        assert!(connector.advance(now).unwrap().is_some());
    }
    assert_eq!(back_offs, [200, 400, 800, 1600, 3200, 5000, 200, 400, 800]);
}

#[test]
fn a_lookup_is_waited_for_without_looking_again_and_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = Target::of(unused_address(), None);
    let mut connector = Connector::new(&server);
    let now = connector.next_round;
    let (answer, question) = std::sync::mpsc::channel::<()>();
    let lookup = Lookup::start(move || question.recv().ok().map(|()| vec![address]));
    connector.attempt = Attempt::LookingUp(lookup.unwrap());
    for _ in 0..2 {
        assert!(connector.advance(now).unwrap().is_none());
        assert_eq!(connector.timeout(now), None);
        assert!(!sys::is_ready_within(connector.poll_fd().unwrap().as_fd(), Interest::Read, Duration::ZERO));
    }
    answer.send(()).unwrap();
    sys::wait(&mut [connector.poll_fd().unwrap()], None).unwrap();
    let mut later = now;
    assert!(run_until(&mut connector, &mut later, now).unwrap().1);
    assert_eq!(connector.address(), address.to_string());
}
