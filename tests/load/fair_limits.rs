//! Limits that are fair: lag that the hub itself made, memory of clients that leave, the last words
//! of a server.

use crate::common::*;

use nix::sys::signal::Signal;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrStorage, connect, setsockopt, socket, sockopt,
};
use std::io::{ErrorKind, Read};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// A connection with a receive buffer of so many bytes (on Linux, of twice as many).
#[track_caller]
fn connect_with_buffer(address: SocketAddr, bytes: usize) -> Peer {
    let socket = socket(AddressFamily::Inet, SockType::Stream, SockFlag::empty(), None).expect("socket");
    setsockopt(&socket, sockopt::RcvBuf, &bytes).expect("SO_RCVBUF");
    connect(socket.as_raw_fd(), &SockaddrStorage::from(address)).expect("connect");
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    Peer::adopt(stream)
}

/// A page in the room, over a connection for raw bytes.
#[track_caller]
fn page(web: SocketAddr) -> Peer {
    let mut peer = Peer::connect(web);
    peer.sends(format!(
        "GET /room HTTP/1.1\r\nHost: {web}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ));
    peer.hears_up_to("}}");
    peer
}

/// Reads and drops all up to `text`, without keeping it.
#[track_caller]
fn reads_up_to(mut stream: &TcpStream, text: &str) {
    let (mut buffer, mut kept) = (vec![0; 1 << 20], 0);
    loop {
        let read = stream.read(&mut buffer[kept..]).expect("a read");
        assert!(read > 0, "the connection ended before {text:?}");
        let end = kept + read;
        if String::from_utf8_lossy(&buffer[..end]).contains(text) {
            return;
        }
        kept = end.min(text.len());
        buffer.copy_within(end - kept..end, 0);
    }
}

/// Three clients send a megabyte of `text` while the hub is stopped and five others leave, so that
/// the hub finds a full pipe and the departures at once. `readers` read all of it, and are told
/// nothing else.
#[track_caller]
fn are_not_dropped(server: &Server, readers: Vec<Peer>, text: &[u8]) {
    let [mut senders, leavers] = [3, 5].map(|count| (0..count).map(|_| server.join()).collect::<Vec<_>>());
    let children: Vec<i32> = leavers.iter().map(|peer| server.child_of(peer)).collect();
    let sent = text.repeat(333_000 / text.len());
    thread::scope(|scope| {
        let readers: Vec<_> = readers
            .into_iter()
            .map(|reader| scope.spawn(move || reads_up_to(&reader.stream, "the end of it")))
            .collect();
        // The senders' own copies: read and dropped, or they would be slow readers.
        for sender in &senders {
            let mut reader = sender.duplicate().stream;
            scope.spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
        }
        server.program.signal(Signal::SIGSTOP);
        let sent = &sent;
        let send_all = |sender: &Peer| {
            let mut sender = sender.duplicate();
            scope.spawn(move || sender.sends(sent))
        };
        let sending: Vec<_> = senders.iter().map(send_all).collect();
        drop(leavers);
        eventually("the end of their workers", || {
            (!children.iter().any(|&child| is_alive(child))).then_some(())
        });
        server.program.signal(Signal::SIGCONT);
        sending.into_iter().for_each(|sending| sending.join().unwrap());
        // One sender's order is kept; the others' words may come behind.
        let mut last = server.join();
        last.sends("the end of it\0");
        readers.into_iter().for_each(|reader| reader.join().expect("a reader hears it all"));
        senders.iter_mut().for_each(Peer::half_closes);
    });
    assert_eq!(server.program.err.so_far(), "");
}

#[test]
fn readers_of_lines_are_not_dropped_for_what_one_turn_made_of_newlines() {
    let _machine = crate::beside_others();
    let server = Server::start(&["--lines", "0"]);
    let address = server.lines_address();
    let readers = (0..5).map(|_| Peer::connect(address)).collect();
    are_not_dropped(&server, readers, &[&[b'\n'; 1000][..], b"\0"].concat());
}

#[test]
fn pages_are_not_dropped_for_what_one_turn_made_of_short_messages() {
    let _machine = crate::beside_others();
    let server = Server::start(&["--web", "0"]);
    let url = server.program.out.web_url();
    let web = url.trim_start_matches("http://").trim_end_matches('/').parse().expect("an address");
    are_not_dropped(&server, (0..5).map(|_| page(web)).collect(), b"f\0");
}

/// Reads what has come, at most `bytes`. `None` at the end of the stream.
#[track_caller]
fn reads_at_most(mut stream: &TcpStream, bytes: usize) -> Option<usize> {
    match stream.read(&mut vec![0; bytes.max(1)]) {
        Ok(0) => None,
        Ok(read) => Some(read),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Some(0),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_flood_disconnects_no_class_on_slow_links() {
    let _machine = crate::alone();
    /// Bytes a second. A room with one such reader is faster.
    const RATE: f64 = 350_000.0;
    /// In what the sockets hold, the limit, and more than a slow reader may be beyond it.
    const BYTES: usize = 4_000_000;
    let server = Server::start(&["-q"]);
    let readers: Vec<Peer> = (0..12).map(|_| connect_with_buffer(server.address, 32 << 10)).collect();
    readers.iter().for_each(|reader| reader.stream.set_nonblocking(true).unwrap());
    server.wait_for_children(readers.len());
    let mut flooder = server.connect();
    server.wait_for_children(readers.len() + 1);
    thread::scope(|scope| {
        let mut own = flooder.duplicate().stream;
        scope.spawn(move || std::io::copy(&mut own, &mut std::io::sink()));
        let flood = scope.spawn(|| {
            flooder.sends(("mallory : ".to_string() + &"z".repeat(50) + "\n").repeat(2 * BYTES / 61));
            flooder.half_closes();
        });
        let (mut read, mut last) = (vec![0; readers.len()], Instant::now());
        while read.iter().any(|&read| read < BYTES) {
            // The rate of a link: bytes by time.
            thread::sleep(Duration::from_millis(20));
            let share =
                (RATE * std::mem::replace(&mut last, Instant::now()).elapsed().as_secs_f64()) as usize;
            for (reader, read) in readers.iter().zip(&mut read) {
                *read += reads_at_most(&reader.stream, share).unwrap_or_else(|| {
                    panic!("disconnected after {read} bytes: {}", server.program.err.so_far())
                });
            }
        }
        // The flood has an end: the readers need not be slow any more.
        readers.iter().for_each(|reader| reader.stream.shutdown(Shutdown::Both).unwrap());
        flood.join().expect("the flooder is not disconnected");
    });
    assert_eq!(server.program.err.so_far(), "");
}

#[test]
fn readers_that_stop_and_leave_at_once_cost_the_first_process_no_copy_each() {
    let _machine = crate::beside_others();
    const READERS: usize = 60;
    let server = Server::start(&["--pace", "0", "-q", "--lag-limit", "20000000"]);
    let mut stopped: Vec<Peer> = (0..READERS).map(|_| connect_with_buffer(server.address, 4096)).collect();
    server.wait_for_children(READERS);
    let mut speaker = server.connect();
    server.wait_for_children(READERS + 1);
    // More than their sockets hold, by a megabyte and a half.
    let message = "x".repeat(999) + "\0";
    for _ in 0..400 {
        speaker.sends(message.repeat(10));
        assert_eq!(speaker.strings(10).len(), 10);
    }
    server.program.signal(Signal::SIGSTOP);
    stopped.iter_mut().for_each(Peer::half_closes);
    eventually("the end of their workers", || {
        (server.children().iter().filter(|&&child| is_alive(child)).count() == 1).then_some(())
    });
    server.program.signal(Signal::SIGCONT);
    server.wait_for_children(1);
    speaker.sends("after them\0");
    speaker.hears_up_to("after them\0");
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let most: u64 = line.split_whitespace().next().unwrap().parse().unwrap();
    // The log has 4 MB; a copy for each would be 90 MB.
    assert!(most < 40_000, "{READERS} readers have left, and the hub needed {most} kB");
    assert_eq!(server.program.err.so_far(), "");
}

#[test]
fn at_the_end_of_the_server_a_client_whose_words_are_unread_hears_all_that_was_said() {
    let _machine = crate::beside_others();
    const MESSAGES: usize = 300;
    let directory = tempfile::tempdir().unwrap();
    let transcript = directory.path().join("said");
    let mut server = Server::start(&["--pace", "0", "--transcript", transcript.to_str().unwrap()]);
    // Most of what it is sent waits on the server's side, where a reset would destroy it.
    let (mut speaker, mut silent) = (server.join(), connect_with_buffer(server.address, 4096));
    // Its words stay unread.
    send(server.child_of(&silent), Signal::SIGSTOP);
    silent.sends("never read\0".repeat(1000));
    server.program.signal(Signal::SIGSTOP);
    let message = "x".repeat(999) + "\0";
    (0..MESSAGES).for_each(|_| speaker.sends(&message));
    speaker.half_closes();
    let children = server.children();
    eventually("the messages in the pipe", || children.iter().any(|&child| !is_alive(child)).then_some(()));
    server.program.signal(Signal::SIGTERM);
    let hearing = thread::spawn(move || {
        let heard = silent.strings(usize::MAX).len();
        (heard, silent)
    });
    server.program.signal(Signal::SIGCONT);
    // An orderly end: a reset would fail the read.
    let (heard, _silent) = hearing.join().expect("no reset");
    assert!(server.program.ends().success());
    let noted = std::fs::read_to_string(&transcript).unwrap().lines().count();
    assert_eq!((heard, noted), (MESSAGES, MESSAGES));
}

#[test]
fn clients_that_never_read_do_not_keep_the_server_from_its_end() {
    let _machine = crate::beside_others();
    let mut server = Server::start(&["--pace", "0", "-q"]);
    let stopped: Vec<Peer> = (0..100).map(|_| connect_with_buffer(server.address, 4096)).collect();
    server.wait_for_children(stopped.len());
    let mut speaker = server.connect();
    server.wait_for_children(stopped.len() + 1);
    speaker.sends(("x".repeat(999) + "\0").repeat(900));
    assert_eq!(speaker.strings(900).len(), 900);
    server.program.signal(Signal::SIGTERM);
    assert!(server.program.ends().success());
}

/// One client sends 50,000 messages, each worth a line of log longer than itself; strangers come,
/// say something and leave meanwhile. Standard output is a file: all lines are in it.
#[track_caller]
fn a_flood_displaces_no_line_of_others(program: &str, name: &[u8], message: &str, line_end: &str) {
    const MESSAGES: usize = 50_000;
    let _row = Row::of(&program);
    let log = tempfile::NamedTempFile::new().unwrap();
    let lines = || std::fs::read_to_string(log.path()).unwrap();
    let mut command = Command::new(program);
    command.args(["--bind", "127.0.0.1", "--port", "0"]).stdout(log.reopen().unwrap());
    let mut server = Program::start_with_its_own_output(&mut command);
    let address = eventually("the address", || lines().split_whitespace().find_map(|word| word.parse().ok()));
    let mut flooder = Peer::connect(address);
    flooder.sends(name);
    let mut strangers = Vec::new();
    thread::scope(|scope| {
        let mut heard = flooder.duplicate().stream;
        scope.spawn(move || std::io::copy(&mut heard, &mut std::io::sink()));
        let flood = scope.spawn(|| {
            (0..MESSAGES / 1000).for_each(|_| flooder.sends(message.repeat(1000)));
            flooder.half_closes();
        });
        for i in 0..10 {
            let mut stranger = Peer::connect(address);
            strangers.push(stranger.stream.local_addr().unwrap());
            stranger.sends(match name.is_empty() {
                true => "hello\0".to_string(),
                false => format!("stranger{i}\n%stranger{i}%hello\n"),
            });
            stranger.half_closes();
            stranger.hears_the_end();
        }
        flood.join().unwrap();
    });
    server.signal(Signal::SIGTERM);
    assert!(server.ends().success());
    let lines = lines();
    let count = |is_wanted: &dyn Fn(&str) -> bool| lines.lines().filter(|line| is_wanted(line)).count();
    assert_eq!(count(&|line| line.ends_with(line_end)), MESSAGES);
    assert_eq!(count(&|line| line.ends_with("hello")), strangers.len());
    for address in strangers {
        // That it came, its name in directed messages, and that it left.
        let about_it = count(&|line| line.contains(&address.to_string()));
        assert_eq!(about_it, if name.is_empty() { 2 } else { 3 }, "{address}");
    }
}

#[test]
fn a_flood_of_one_client_displaces_no_line_about_others_from_a_log_file() {
    let _machine = crate::beside_others();
    a_flood_displaces_no_line_of_others(SERVER, b"", "f\0", ") f");
    let direct = env!("CARGO_BIN_EXE_direct_serveur");
    a_flood_displaces_no_line_of_others(direct, b"flooder\n", "%x%\n", "no client is called \"x\"");
}
