//! What the tests share: real programs, started on port 0, waited for by what they print, killed and reaped at the end.
//!
//! Nothing here waits on a clock to prove something: a wait ends when its event comes, and [`PATIENCE`] only turns a wait
//! that would never end into a failure that says what was missing.
#![allow(dead_code)] // Each test program uses a part of it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::{Duration, Instant};

/// The longest wait for an event, on a machine that is busy with something else.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub const SERVER: &str = env!("CARGO_BIN_EXE_chat_serveur");
pub const CLIENT: &str = env!("CARGO_BIN_EXE_chat_client");

/// Asks again and again until `look` finds something. For facts without an event to wait for, as those in /proc.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What a program has printed so far, gathered by a thread.
#[derive(Clone)]
pub struct Output(Arc<(Mutex<Printed>, Condvar)>);

#[derive(Default)]
struct Printed {
    bytes: Vec<u8>,
    ended: bool,
}

impl Output {
    fn gather(mut from: impl Read + Send + 'static) -> Output {
        let output = Output(Arc::default());
        let theirs = output.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 65536];
            loop {
                let n = from.read(&mut buffer).unwrap_or(0);
                let mut printed = theirs.0.0.lock().unwrap();
                printed.bytes.extend_from_slice(&buffer[..n]);
                printed.ended = n == 0;
                theirs.0.1.notify_all();
                if n == 0 {
                    return;
                }
            }
        });
        output
    }

    /// Waits until `look` finds something in what was printed.
    pub fn wait_for<T>(&self, what: &str, mut look: impl FnMut(&[u8]) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        let mut printed = self.0.0.lock().unwrap();
        loop {
            if let Some(found) = look(&printed.bytes) {
                return found;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(
                !printed.ended && !left.is_zero(),
                "{what}: not in {:?}",
                String::from_utf8_lossy(&printed.bytes)
            );
            printed = self.0.1.wait_timeout(printed, left).unwrap().0;
        }
    }

    /// Waits for a line that contains all of `parts`, and returns it.
    pub fn line_with(&self, parts: &[&str]) -> String {
        self.wait_for(&format!("a line with {parts:?}"), |bytes| {
            let text = String::from_utf8_lossy(bytes);
            let whole = &text[..text.rfind('\n')? + 1];
            whole.lines().find(|line| parts.iter().all(|part| line.contains(part))).map(str::to_string)
        })
    }

    /// Waits until every process that holds the other end has closed it, and returns all that was printed.
    pub fn to_the_end(&self) -> String {
        let end = Instant::now() + PATIENCE;
        let mut printed = self.0.0.lock().unwrap();
        while !printed.ended {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "somebody still holds the output");
            printed = self.0.1.wait_timeout(printed, left).unwrap().0;
        }
        String::from_utf8_lossy(&printed.bytes).into_owned()
    }

    pub fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.0.0.lock().unwrap().bytes).into_owned()
    }
}

/// A program that runs, with pipes at 0, 1 and 2.
pub struct Program {
    pub child: Child,
    keyboard: Option<ChildStdin>,
    pub out: Output,
    pub err: Output,
}

impl Program {
    pub fn start(command: &mut Command) -> Program {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("start {command:?}: {error}"));
        let keyboard = child.stdin.take();
        let out = Output::gather(child.stdout.take().unwrap());
        let err = Output::gather(child.stderr.take().unwrap());
        Program { child, keyboard, out, err }
    }

    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    pub fn types(&mut self, text: impl AsRef<[u8]>) {
        self.keyboard.as_mut().expect("keyboard not ended").write_all(text.as_ref()).expect("type");
    }

    /// The keyboard, for a thread that types.
    pub fn take_keyboard(&mut self) -> ChildStdin {
        self.keyboard.take().expect("keyboard not ended")
    }

    pub fn end_of_keyboard(&mut self) {
        self.keyboard = None;
    }

    /// Waits for its end.
    pub fn ends(&mut self) -> ExitStatus {
        let pid = self.pid();
        eventually(&format!("the end of process {pid}"), || self.child.try_wait().expect("wait"))
    }

    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.pid()), signal).expect("kill");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server of ours, or the C one, on a port of its own.
pub struct Server {
    pub program: Program,
    pub address: SocketAddr,
}

impl Server {
    /// `chat_serveur` on a free port of 127.0.0.1, with more `options`.
    pub fn start(options: &[&str]) -> Server {
        Server::from(Command::new(SERVER).args(["--bind", "127.0.0.1", "--port", "0"]).args(options))
    }

    /// Our C server.
    pub fn in_c() -> Server {
        Server::from(Command::new(c_compat("select_server")).arg("0"))
    }

    /// Any server whose first line holds its address.
    pub fn from(command: &mut Command) -> Server {
        let program = Program::start(command);
        let address = program.out.wait_for("the address in the first line", |bytes| {
            let text = std::str::from_utf8(bytes).ok()?;
            let (line, _) = text.split_once('\n')?;
            line.split_whitespace().find_map(|word| word.parse().ok())
        });
        Server { program, address }
    }

    /// The address to connect to, where the server listens on all of its machine's.
    pub fn reachable(&self) -> SocketAddr {
        match self.address.ip().is_unspecified() {
            true => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), self.address.port()),
            false => self.address,
        }
    }

    pub fn port(&self) -> String {
        self.address.port().to_string()
    }

    pub fn pid(&self) -> i32 {
        self.program.pid()
    }

    /// A connection, whether or not the server has accepted it yet.
    pub fn connect(&self) -> Peer {
        Peer::connect(self.reachable())
    }

    /// A connection that is in the room: what is said from now on reaches it.
    pub fn join(&self) -> Peer {
        let peer = self.connect();
        let address = peer.stream.local_addr().unwrap().to_string();
        self.program.out.line_with(&["nouveau client", &address]);
        peer
    }

    /// Waits until `count` clients are in. The C server has one process and one descriptor for each.
    pub fn settle(&self, count: usize) {
        let sockets =
            || descriptors_of(self.pid()).iter().filter(|(_, what)| what.starts_with("socket:")).count();
        eventually(&format!("{count} clients in the room"), || (sockets() == count + 1).then_some(()));
    }

    /// The children that live.
    pub fn children(&self) -> Vec<i32> {
        children_of(self.pid())
    }

    /// Waits until it has just so many children.
    pub fn wait_for_children(&self, count: usize) -> Vec<i32> {
        eventually(&format!("{count} children"), || Some(self.children()).filter(|all| all.len() == count))
    }

    /// The child that serves `peer`, as the server has printed it.
    pub fn child_of(&self, peer: &Peer) -> i32 {
        let address = peer.stream.local_addr().unwrap().to_string();
        let line = self.program.out.line_with(&["nouveau client", &address]);
        let (_, after) = line.split_once("fils ").expect("the child's number in the line");
        after.split(' ').next().and_then(|number| number.parse().ok()).expect("a number")
    }
}

/// From /proc: the children of `pid`, zombies included.
pub fn children_of(pid: i32) -> Vec<i32> {
    let list = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_whitespace().map(|number| number.parse().unwrap()).collect()
}

/// What a process has open, from /proc: (number, what).
pub fn descriptors_of(pid: i32) -> Vec<(i32, String)> {
    let Ok(entries) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    let mut open: Vec<(i32, String)> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let target = std::fs::read_link(entry.path()).ok()?;
            Some((entry.file_name().to_str()?.parse().ok()?, target.to_str()?.to_string()))
        })
        .collect();
    open.sort();
    open
}

/// True while `pid` runs; a zombie does not.
pub fn is_alive(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next()).is_some_and(|state| state != "Z")
}

/// A program on a terminal of its own: a pty whose other side the test holds.
pub struct Terminal {
    pub child: Child,
    master: std::fs::File,
    pub screen: Output,
}

impl Terminal {
    /// Starts a program as a shell would: the terminal is its controlling one, so that Ctrl+C is a signal.
    pub fn start(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Terminal {
        let nix::pty::OpenptyResult { master, slave } = nix::pty::openpty(None, None).expect("openpty");
        let copy = || Stdio::from(slave.try_clone().expect("dup"));
        // setsid(1) becomes the program itself: the same process.
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg(program).args(arguments).stdin(copy()).stdout(copy()).stderr(copy());
        let child = command.spawn().expect("setsid, of util-linux, is needed for the tests on a terminal");
        let master = std::fs::File::from(master);
        let screen = Output::gather(master.try_clone().expect("dup"));
        Terminal { child, master, screen }
    }

    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// Keys: `\r` is Enter, `\x03` Ctrl+C, `\x04` Ctrl+D.
    pub fn types(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).expect("type");
    }

    /// Waits until the screen's bytes hold `text`.
    pub fn shows(&self, text: &str) {
        self.screen.wait_for(&format!("{text:?} on the terminal"), |bytes| {
            String::from_utf8_lossy(bytes).contains(text).then_some(())
        });
    }

    pub fn ends(&mut self) -> ExitStatus {
        let pid = self.pid();
        eventually(&format!("the end of process {pid}"), || self.child.try_wait().expect("wait"))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client of the tests' own: a socket, and no opinion on what goes through it.
pub struct Peer {
    pub stream: TcpStream,
    pending: Vec<u8>,
}

impl Peer {
    pub fn connect(address: SocketAddr) -> Peer {
        let stream = TcpStream::connect(address).expect("connect");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Peer { stream, pending: Vec::new() }
    }

    /// The same opinion on a connection that came otherwise.
    pub fn adopt(stream: TcpStream) -> Peer {
        Peer { stream, pending: Vec::new() }
    }

    /// One `write`.
    pub fn sends(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).expect("send");
    }

    /// One read more. False at the end.
    fn reads(&mut self) -> bool {
        let mut buffer = [0; 65536];
        let n = self.stream.read(&mut buffer).unwrap_or_else(|error| {
            panic!("reading after {:?}: {error}", String::from_utf8_lossy(&self.pending))
        });
        self.pending.extend_from_slice(&buffer[..n]);
        n > 0
    }

    /// Waits for exactly these bytes.
    pub fn hears(&mut self, expected: impl AsRef<[u8]>) {
        let expected = expected.as_ref();
        while self.pending.len() < expected.len() && self.reads() {}
        let got: Vec<u8> = self.pending.drain(..expected.len().min(self.pending.len())).collect();
        assert_eq!(String::from_utf8_lossy(&got), String::from_utf8_lossy(expected));
        assert_eq!(got, expected);
    }

    /// The next `count` strings: ended by NUL, the empty ones dropped. Fewer when the connection ends first.
    pub fn strings(&mut self, count: usize) -> Vec<String> {
        let mut strings = Vec::new();
        while strings.len() < count {
            let Some(end) = self.pending.iter().position(|&byte| byte == 0) else {
                if self.reads() {
                    continue;
                }
                break;
            };
            let string: Vec<u8> = self.pending.drain(..=end).take(end).collect();
            if !string.is_empty() {
                strings.push(String::from_utf8_lossy(&string).into_owned());
            }
        }
        strings
    }

    /// Reads on until `text` has come, and forgets all before it.
    pub fn hears_up_to(&mut self, text: &str) {
        let text = text.as_bytes();
        let found = |bytes: &[u8]| bytes.windows(text.len()).position(|window| window == text);
        while found(&self.pending).is_none() {
            assert!(self.reads(), "the end came before {:?}", String::from_utf8_lossy(text));
        }
        self.pending.drain(..found(&self.pending).unwrap_or_default() + text.len());
    }

    /// All that comes until the server ends the connection.
    pub fn hears_the_end(&mut self) -> Vec<u8> {
        while self.reads() {}
        std::mem::take(&mut self.pending)
    }

    /// The same connection once more, for a thread that speaks while another listens.
    pub fn also(&self) -> Peer {
        Peer { stream: self.stream.try_clone().expect("dup"), pending: Vec::new() }
    }

    /// Ends its sending side.
    pub fn half_closes(&mut self) {
        self.stream.shutdown(Shutdown::Write).expect("shutdown");
    }

    /// Goes away by a reset instead of an orderly end.
    pub fn resets(self) {
        let linger = nix::libc::linger { l_onoff: 1, l_linger: 0 };
        nix::sys::socket::setsockopt(&self.stream, nix::sys::socket::sockopt::Linger, &linger).unwrap();
    }
}

/// A program of c-compat/, built by its own Makefile, once for all test programs.
pub fn c_compat(program: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let build = BUILT.get_or_init(|| {
        let build = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c-compat");
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("c-compat");
        let made = Command::new("make")
            .arg("-C")
            .arg(sources)
            .arg(format!("BUILD={}", build.display()))
            .output()
            .expect("make is needed for the tests with C programs");
        assert!(made.status.success(), "make -C c-compat: {}", String::from_utf8_lossy(&made.stderr));
        build
    });
    build.join(program)
}

/// The C client, connected, as `pseudo`, sending as `variant` says.
pub fn c_client(server: &Server, pseudo: &str, variant: &str) -> Program {
    c_client_from(Command::new(c_compat("chat_client_c")), server, pseudo, variant)
}

/// The same, started by a command of the test's own.
pub fn c_client_from(mut command: Command, server: &Server, pseudo: &str, variant: &str) -> Program {
    let address = server.reachable();
    command.args([&address.ip().to_string(), pseudo, &address.port().to_string(), variant]);
    let program = Program::start(&mut command);
    program.err.line_with(&["connected"]);
    program
}

/// Our client, connected, not on a terminal.
pub fn our_client(server: &Server, pseudo: &str) -> Program {
    let address = server.reachable();
    let program = Program::start(Command::new(CLIENT).args([
        &address.ip().to_string(),
        pseudo,
        "--port",
        &address.port().to_string(),
    ]));
    program.out.line_with(&["Connecté à"]);
    program
}
