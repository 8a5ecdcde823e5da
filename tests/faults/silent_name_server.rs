//! Every client while it resolves a name and no answer comes: in a network namespace with a silent
//! `nc` as name server.

use crate::common::*;

use nix::sys::signal::Signal::{SIGINT, SIGTERM};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

const CLIENTS: [(&str, &[&str]); 6] = [
    (CLIENT, &["nowhere.example", "alice"]),
    (env!("CARGO_BIN_EXE_relay_client"), &["nowhere.example"]),
    (env!("CARGO_BIN_EXE_echo_client"), &["nowhere.example", "8000"]),
    (env!("CARGO_BIN_EXE_calc_client"), &["nowhere.example"]),
    (env!("CARGO_BIN_EXE_upload_client"), &["/etc/hostname", "nowhere.example"]),
    (env!("CARGO_BIN_EXE_direct_client"), &["alice", "nowhere.example"]),
];

/// Execs its arguments once the name server listens; the name server dies with the program.
const SILENT_NAMES: &str = "\
ip link set lo up && echo 'nameserver 127.0.0.1' >\"$0\" && mount --bind \"$0\" /etc/resolv.conf || exit
echo 'hosts: files dns' >\"$0.order\"
[ ! -e /etc/nsswitch.conf ] || mount --bind \"$0.order\" /etc/nsswitch.conf || exit
setpriv --pdeathsig KILL nc -u -l 127.0.0.1 53 </dev/null >/dev/null &
until ss -Huln | grep -q '127.0.0.1:53'; do kill -0 $! || exit; done
exec \"$@\"";

fn in_a_network_of_its_own() -> Command {
    let mut command = Command::new("unshare");
    // Test runners in the background may ignore SIGINT, which the client would inherit.
    command.args(["--map-root-user", "--mount", "--net", "env", "--default-signal=INT"]);
    command
}

#[test]
fn a_signal_ends_every_client_while_a_name_is_looked_up() {
    let directory = tempfile::tempdir().unwrap();
    let names = directory.path().join("resolv.conf");
    let mut probe = in_a_network_of_its_own();
    probe.args(["sh", "-c", "command -v nc ip ss setpriv"]).stdout(Stdio::null()).stderr(Stdio::null());
    if !probe.status().is_ok_and(|status| status.success()) {
        return skip(skip::NETWORK_TOOLS, "no network namespace, or no nc, ip, ss or setpriv");
    }
    for ((client, arguments), signal) in CLIENTS.into_iter().zip([SIGINT, SIGTERM].into_iter().cycle()) {
        let _row = Row::of(&(&client, &arguments, &signal));
        let mut command = in_a_network_of_its_own();
        command.args(["sh", "-c", SILENT_NAMES]).arg(&names).arg(client).args(arguments);
        let mut program = Program::start(&mut command);
        eventually("the lookup", || {
            let asks = descriptors_of(program.pid()).iter().any(|(_, what)| what.starts_with("socket:"));
            (asks && client.ends_with(&name_of(program.pid()))).then_some(())
        });
        program.signal(signal);
        assert_eq!(program.ends().signal(), Some(signal as i32), "{client}");
        assert_eq!(program.err.to_the_end(), "", "{client}");
    }
}
