//! A raw TCP client: sends and expects bytes, whatever the protocol.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsRawFd;

use super::PATIENCE;

/// A TCP connection, with the bytes that were read and not yet consumed.
pub struct Peer {
    pub stream: TcpStream,
    pending: Vec<u8>,
}

impl Peer {
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Peer {
        let stream = TcpStream::connect(address).expect("connect");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Peer { stream, pending: Vec::new() }
    }

    /// Like [`Peer::connect`], from the local address `local`.
    #[track_caller]
    pub fn connect_from(local: std::net::IpAddr, address: SocketAddr) -> Peer {
        use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrStorage, bind, connect, socket};
        // macOS has no SOCK_CLOEXEC: a program that another thread starts before the fcntl inherits
        // the socket there.
        #[cfg(target_vendor = "apple")]
        let flags = SockFlag::empty();
        #[cfg(not(target_vendor = "apple"))]
        let flags = SockFlag::SOCK_CLOEXEC;
        let family = if local.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
        let socket = socket(family, SockType::Stream, flags, None).expect("socket");
        #[cfg(target_vendor = "apple")]
        nix::fcntl::fcntl(&socket, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC))
            .expect("fcntl");
        bind(socket.as_raw_fd(), &SockaddrStorage::from(SocketAddr::new(local, 0))).expect("bind");
        connect(socket.as_raw_fd(), &SockaddrStorage::from(address)).expect("connect");
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Peer::adopt(stream)
    }

    /// Wraps a connection; its timeouts stay as they are.
    pub fn adopt(stream: TcpStream) -> Peer {
        Peer { stream, pending: Vec::new() }
    }

    /// Sends `bytes`, in one write(2) where the kernel takes them whole.
    #[track_caller]
    pub fn sends(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).expect("send");
    }

    /// Reads once. False at the end of the stream.
    #[track_caller]
    fn reads(&mut self) -> bool {
        let mut buffer = [0; 65536];
        let n = loop {
            match self.stream.read(&mut buffer) {
                Ok(n) => break n,
                // With a receive timeout, SIGCONT interrupts read(2) too: signal(7).
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("reading after {:?}: {error}", String::from_utf8_lossy(&self.pending)),
            }
        };
        self.pending.extend_from_slice(&buffer[..n]);
        n > 0
    }

    /// Asserts that the next bytes are `expected`.
    #[track_caller]
    pub fn hears(&mut self, expected: impl AsRef<[u8]>) {
        let expected = expected.as_ref();
        while self.pending.len() < expected.len() && self.reads() {}
        let got: Vec<u8> = self.pending.drain(..expected.len().min(self.pending.len())).collect();
        assert_eq!(String::from_utf8_lossy(&got), String::from_utf8_lossy(expected));
        assert_eq!(got, expected);
    }

    /// The next `count` NUL-terminated strings, without the empty ones; fewer when the connection
    /// ends first.
    #[track_caller]
    pub fn strings(&mut self, count: usize) -> Vec<String> {
        self.take_strings(count, count)
    }

    /// The next string and those that arrived with it, at most `count`; none when the connection
    /// ends first.
    #[track_caller]
    pub fn strings_now(&mut self, count: usize) -> Vec<String> {
        self.take_strings(1, count)
    }

    #[track_caller]
    fn take_strings(&mut self, least: usize, most: usize) -> Vec<String> {
        let (mut strings, mut done) = (Vec::new(), 0);
        while strings.len() < most {
            let Some(end) = self.pending[done..].iter().position(|&byte| byte == 0) else {
                self.pending.drain(..done);
                done = 0;
                if strings.len() < least && self.reads() {
                    continue;
                }
                break;
            };
            if end > 0 {
                strings.push(String::from_utf8_lossy(&self.pending[done..done + end]).into_owned());
            }
            done += end + 1;
        }
        self.pending.drain(..done);
        strings
    }

    /// The next line, with its newline.
    #[track_caller]
    pub fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.pending.iter().position(|&byte| byte == b'\n') {
                return String::from_utf8_lossy(&self.pending.drain(..=end).collect::<Vec<u8>>())
                    .into_owned();
            }
            assert!(
                self.reads(),
                "the connection ended within a line: {:?}",
                String::from_utf8_lossy(&self.pending)
            );
        }
    }

    /// Reads until `text` arrives, and discards everything up to its end.
    #[track_caller]
    pub fn hears_up_to(&mut self, text: &str) {
        let text = text.as_bytes();
        let found = |bytes: &[u8]| bytes.windows(text.len()).position(|window| window == text);
        while found(&self.pending).is_none() {
            assert!(self.reads(), "the connection ended before {:?}", String::from_utf8_lossy(text));
        }
        self.pending.drain(..found(&self.pending).unwrap_or_default() + text.len());
    }

    /// The next line, without its newline.
    #[track_caller]
    pub fn hears_line(&mut self) -> String {
        let end = loop {
            match self.pending.iter().position(|&byte| byte == b'\n') {
                Some(end) => break end,
                None => assert!(self.reads(), "the connection ended before a newline"),
            }
        };
        let line: Vec<u8> = self.pending.drain(..=end).take(end).collect();
        String::from_utf8(line).expect("UTF-8")
    }

    /// All bytes until the server closes the connection.
    #[track_caller]
    pub fn hears_the_end(&mut self) -> Vec<u8> {
        while self.reads() {}
        std::mem::take(&mut self.pending)
    }

    /// A second handle of the connection, for a thread that sends while another receives.
    #[track_caller]
    pub fn duplicate(&self) -> Peer {
        Peer { stream: self.stream.try_clone().expect("dup"), pending: Vec::new() }
    }

    /// Shuts down the sending side.
    #[track_caller]
    pub fn half_closes(&mut self) {
        self.stream.shutdown(Shutdown::Write).expect("shutdown");
    }

    /// Closes the connection with a reset (SO_LINGER with timeout 0) instead of a FIN.
    #[track_caller]
    pub fn resets(self) {
        let linger = nix::libc::linger { l_onoff: 1, l_linger: 0 };
        nix::sys::socket::setsockopt(&self.stream, nix::sys::socket::sockopt::Linger, &linger).unwrap();
    }
}
