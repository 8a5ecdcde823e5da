//! A slow path between client and server: the rest of a message waits for the acknowledgement of
//! its first part.

use super::network::on;
use crate::common::*;

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Much longer than a busy machine holds a packet up.
const DELAY: Duration = Duration::from_millis(200);

/// Two hosts, each with a TUN device; this process passes the packets on, each after [`DELAY`].
struct SlowPath {
    near: Program,
    far: Program,
    _devices: [Program; 2],
    _directory: tempfile::TempDir,
}

const NEAR: &str = "192.0.2.1";

impl SlowPath {
    /// `None` where network namespaces, TUN devices or socat are missing: recorded as skipped.
    #[track_caller]
    fn start() -> Option<SlowPath> {
        let has_device = Path::new("/dev/net/tun").exists();
        let may_try = |program: &str| Command::new("unshare").args(["--net", program, "-V"]).output();
        if !has_device || !may_try("socat").is_ok_and(|tried| tried.status.success()) {
            skip(skip::TUN, "unshare --net, /dev/net/tun or socat failed");
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let sockets = ["near", "far"].map(|name| UnixDatagram::bind(path(name)).unwrap());
        let [near, far] = [(); 2].map(|()| Program::start(Command::new("unshare").args(["--net", "cat"])));
        for host in [&near, &far] {
            eventually("the host's own network", || (name_of(host.pid()) == "cat").then_some(()));
        }
        let devices = [(&near, "near", NEAR), (&far, "far", "192.0.2.2")].map(|(host, name, address)| {
            let device = format!("TUN:{address}/24,tun-type=tun,iff-no-pi,iff-up");
            let [ours, theirs] = [path(name), path(&format!("{name}-device"))];
            let link = format!("UNIX-SENDTO:{},bind={}", ours.display(), theirs.display());
            let device = Program::start(on(host, "socat").args([device, link]));
            eventually("a TUN device", || theirs.exists().then_some(()));
            device
        });
        let [near_socket, far_socket] = sockets;
        pass_on(near_socket, path("far-device").as_path());
        pass_on(far_socket, path("near-device").as_path());
        Some(SlowPath { near, far, _devices: devices, _directory: directory })
    }
}

/// Passes packets on in threads, which end with the receiver.
fn pass_on(from: UnixDatagram, to: &Path) {
    let (sender, receiver) = mpsc::channel();
    let (to, socket) = (to.to_path_buf(), UnixDatagram::unbound().unwrap());
    std::thread::spawn(move || {
        let mut packet = [0; 4096];
        while let Ok(n) = from.recv(&mut packet) {
            if sender.send((Instant::now() + DELAY, packet[..n].to_vec())).is_err() {
                break;
            }
        }
    });
    std::thread::spawn(move || {
        for (due, packet) in receiver {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if socket.send_to(&packet, &to).is_err() {
                break;
            }
        }
    });
}

#[test]
fn a_message_in_two_small_writes_is_one_on_a_slow_path_too() {
    let Some(path) = SlowPath::start() else { return };
    let server = Server::from(on(&path.near, SERVER).args(["--port", "0"]));
    // Nagle's algorithm holds the second write.
    let script = "exec 3<>/dev/tcp/$0/$1; printf 'zoe : ' >&3; printf 'salut\\n' >&3; cat <&3";
    let client = Program::start(on(&path.far, "bash").args(["-c", script, NEAR, &server.port()]));
    client.out.line_with(&["salut"]);
    assert_eq!(client.out.so_far().lines().next(), Some("zoe : salut"));
}
