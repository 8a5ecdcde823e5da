//! A program with pipes as standard streams, and its output so far.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use super::{PATIENCE, eventually};

/// Output of a program so far, collected by a thread.
#[derive(Clone)]
pub struct Output(Arc<(Mutex<Printed>, Condvar)>);

#[derive(Default)]
struct Printed {
    bytes: Vec<u8>,
    ended: bool,
}

impl Output {
    #[track_caller]
    pub fn gather(mut from: impl Read + Send + 'static) -> Output {
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

    /// Waits until `look` finds something in the output.
    #[track_caller]
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
                "{what}: missing in {:?}",
                String::from_utf8_lossy(&printed.bytes)
            );
            printed = self.0.1.wait_timeout(printed, left).unwrap().0;
        }
    }

    /// Waits for a complete line that contains `part`; `None` if the output ends without one.
    #[track_caller]
    pub fn line_unless_ended(&self, part: &str) -> Option<String> {
        let line = |text: &str| text.lines().find(|line| line.contains(part)).map(str::to_string);
        let has_line_or_ended = || {
            let printed = self.0.0.lock().unwrap();
            let text = String::from_utf8_lossy(&printed.bytes);
            let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
            line(whole).map(Some).or(printed.ended.then_some(None))
        };
        eventually(&format!("a line with {part:?}, or the end"), has_line_or_ended)
    }

    /// Waits for a complete line that contains all of `parts`, and returns it.
    #[track_caller]
    pub fn line_with(&self, parts: &[&str]) -> String {
        self.wait_for(&format!("a line with {parts:?}"), |bytes| {
            let text = String::from_utf8_lossy(bytes);
            let whole = &text[..text.rfind('\n')? + 1];
            whole.lines().find(|line| parts.iter().all(|part| line.contains(part))).map(str::to_string)
        })
    }

    /// Waits for a complete line that contains `address`, and returns it.
    #[track_caller]
    pub fn line_about(&self, address: SocketAddr) -> String {
        let address = address.to_string();
        self.wait_for(&format!("a line about {address}"), |bytes| {
            let text = String::from_utf8_lossy(bytes);
            let whole = &text[..text.rfind('\n')? + 1];
            // `:80` must not match `:8080`.
            let names_it = |line: &&str| {
                line.split(&address).skip(1).any(|rest| !rest.starts_with(|next: char| next.is_ascii_digit()))
            };
            whole.lines().find(names_it).map(str::to_string)
        })
    }

    /// Waits for the `number`th word of the form `ADDR:PORT` in complete lines, and returns it.
    #[track_caller]
    pub fn nth_address(&self, number: usize) -> SocketAddr {
        self.wait_for(&format!("{number} addresses"), |bytes| {
            let text = String::from_utf8_lossy(bytes);
            let words = text[..text.rfind('\n')?].split_whitespace();
            words.filter_map(address_in).nth(number - 1)
        })
    }

    /// Waits for a word that starts with `http://`, and returns it.
    #[track_caller]
    pub fn web_url(&self) -> String {
        self.wait_for("a URL", |bytes| {
            let text = String::from_utf8_lossy(bytes);
            let is_url = |word: &&str| word.starts_with("http://");
            text[..text.rfind('\n')?].split_whitespace().find(is_url).map(str::to_string)
        })
    }

    /// Waits until every process has closed its end of the pipe, and returns the whole output.
    #[track_caller]
    pub fn to_the_end(&self) -> String {
        let end = Instant::now() + PATIENCE;
        let mut printed = self.0.0.lock().unwrap();
        while !printed.ended {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "a process still holds the output open");
            printed = self.0.1.wait_timeout(printed, left).unwrap().0;
        }
        String::from_utf8_lossy(&printed.bytes).into_owned()
    }

    #[track_caller]
    pub fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.0.0.lock().unwrap().bytes).into_owned()
    }
}

/// A running program with pipes at 0, 1 and 2, killed and reaped when dropped.
pub struct Program {
    pub child: Child,
    keyboard: Option<ChildStdin>,
    pub out: Output,
    pub err: Output,
}

impl Program {
    #[track_caller]
    pub fn start(command: &mut Command) -> Program {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("start {command:?}: {error}"));
        let keyboard = child.stdin.take();
        let out = Output::gather(child.stdout.take().unwrap());
        let err = Output::gather(child.stderr.take().unwrap());
        Program { child, keyboard, out, err }
    }

    /// Like [`Program::start`], with the standard output that `command` names; `out` is empty.
    #[track_caller]
    pub fn start_with_its_own_output(command: &mut Command) -> Program {
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("start");
        let keyboard = child.stdin.take();
        let err = Output::gather(child.stderr.take().unwrap());
        Program { child, keyboard, out: Output::gather(std::io::empty()), err }
    }

    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    #[track_caller]
    pub fn types(&mut self, text: impl AsRef<[u8]>) {
        self.keyboard.as_mut().expect("keyboard not ended").write_all(text.as_ref()).expect("type");
    }

    /// Standard input, for a thread that writes to it.
    #[track_caller]
    pub fn take_stdin(&mut self) -> ChildStdin {
        self.keyboard.take().expect("keyboard not ended")
    }

    pub fn closes_stdin(&mut self) {
        self.keyboard = None;
    }

    /// Waits for the exit, and returns the status.
    #[track_caller]
    pub fn ends(&mut self) -> ExitStatus {
        let pid = self.pid();
        eventually(&format!("the end of process {pid}"), || self.child.try_wait().expect("wait"))
    }

    #[track_caller]
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

/// Parses `ADDR:PORT`. An interface is left out: it may be one of another network namespace.
fn address_in(word: &str) -> Option<SocketAddr> {
    let without_interface = || {
        let (address, behind) = word.split_once('%')?;
        format!("{address}]{}", behind.split_once(']')?.1).parse().ok()
    };
    word.parse().ok().or_else(without_interface)
}
