//! A path between a page and its server: a forwarder, as `ssh -L` is one, that can stop forwarding
//! without a word, as a router does.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

pub struct Path {
    pub address: SocketAddr,
    gate: Arc<(Mutex<Gate>, Condvar)>,
}

#[derive(Clone, Copy, Default)]
struct Gate {
    is_silent: bool,
    /// Increased when new connections get through again and older ones do not.
    era: u32,
    older: Older,
}

/// The bytes of connections of an earlier era.
#[derive(Clone, Copy, Default, PartialEq)]
enum Older {
    #[default]
    Forwarded,
    HeldBack,
    Lost,
}

impl Path {
    #[track_caller]
    pub fn to(server: SocketAddr) -> Path {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let (address, gate) = (listener.local_addr().unwrap(), Arc::default());
        let theirs = Arc::clone(&gate);
        // Both kinds of threads end with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(page), Ok(server)) = (stream, TcpStream::connect(server)) else { continue };
                let era = lock(&theirs).era;
                let (page_too, server_too) = (page.try_clone().unwrap(), server.try_clone().unwrap());
                for (from, to) in [(page, server_too), (server, page_too)] {
                    let gate = Arc::clone(&theirs);
                    std::thread::spawn(move || forward(from, to, &gate, era));
                }
            }
        });
        Path { address, gate }
    }

    pub fn url(&self) -> String {
        format!("http://localhost:{}/", self.address.port())
    }

    /// Forwards nothing more, and closes nothing.
    pub fn goes_silent(&self) {
        lock(&self.gate).is_silent = true;
    }

    /// Forwards all connections again, and what was held back.
    pub fn resumes(&self) {
        self.resumes_with(Older::Forwarded);
    }

    /// Forwards new connections; older ones stay silent.
    pub fn lets_new_ones_through(&self) {
        self.resumes_with(Older::HeldBack);
    }

    /// Forwards new connections; older ones are closed, and what was held back is lost.
    pub fn loses_the_old_ones(&self) {
        self.resumes_with(Older::Lost);
    }

    fn resumes_with(&self, older: Older) {
        let mut gate = lock(&self.gate);
        *gate = Gate { is_silent: false, era: gate.era + u32::from(gate.is_silent), older };
        self.gate.1.notify_all();
    }
}

fn lock(gate: &(Mutex<Gate>, Condvar)) -> std::sync::MutexGuard<'_, Gate> {
    gate.0.lock().unwrap()
}

fn forward(mut from: TcpStream, mut to: TcpStream, gate: &(Mutex<Gate>, Condvar), era: u32) {
    let mut buffer = [0; 65536];
    while let Ok(n @ 1..) = from.read(&mut buffer) {
        let is_held = |gate: &mut Gate| gate.is_silent || gate.era != era && gate.older == Older::HeldBack;
        let open = gate.1.wait_while(lock(gate), is_held).unwrap();
        let is_lost = open.era != era && open.older == Older::Lost;
        drop(open);
        if is_lost || to.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    for socket in [from, to] {
        let _ = socket.shutdown(Shutdown::Both);
    }
}
