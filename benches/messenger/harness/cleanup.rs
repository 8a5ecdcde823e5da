//! Stops the programs under measurement when the benchmark itself is stopped (`timeout`, Ctrl+C).

use std::io::Read;
use std::os::unix::net::UnixStream;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

use crate::common::children_of;

/// Starts a thread that waits for a signal, kills the children and exits. Otherwise they would
/// stay: programs are killed when their values drop, and a signal drops nothing. A killed server's
/// own children notice and exit by themselves.
pub fn kill_children_on_signal() {
    let (mut received, raised) = UnixStream::pair().expect("socketpair");
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        pipe::register(signal, raised.try_clone().expect("dup")).expect("sigaction");
    }
    std::thread::spawn(move || {
        let _ = received.read(&mut [0]);
        let this = Pid::this().as_raw();
        // /proc lists children per thread: the main thread, which starts all programs, has them
        // all.
        for child in children_of(this) {
            let _ = kill(Pid::from_raw(child), Signal::SIGKILL);
        }
        eprintln!("interrupted");
        std::process::exit(130);
    });
}
