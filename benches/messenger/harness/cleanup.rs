//! What happens when the benchmark itself is ended: `timeout`, Ctrl+C.

use std::io::Read;
use std::os::unix::net::UnixStream;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

use crate::common::children_of;

/// Programs are ended when their values are dropped; a signal drops nothing, so a thread waits for it and ends them.
/// The children of a server that was killed see that for themselves.
pub fn leave_nothing_behind() {
    let (mut heard, raised) = UnixStream::pair().expect("socketpair");
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        pipe::register(signal, raised.try_clone().expect("dup")).expect("sigaction");
    }
    std::thread::spawn(move || {
        let _ = heard.read(&mut [0]);
        let this = Pid::this().as_raw();
        // All programs are started by the main thread, so its list has them all.
        for child in children_of(this) {
            let _ = kill(Pid::from_raw(child), Signal::SIGKILL);
        }
        eprintln!("interrupted");
        std::process::exit(130);
    });
}
