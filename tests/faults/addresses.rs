//! Addresses to listen on, in a network namespace of the test's own.

use crate::common::*;

use std::process::Command;

/// A network namespace, held by one process.
struct Network(Program);

impl Network {
    /// `setup`: commands of sh(1). `None` where namespaces are not permitted: the test is recorded
    /// as skipped.
    #[track_caller]
    fn start(setup: &str) -> Option<Network> {
        if !Command::new("unshare").args(["--net", "true"]).status().is_ok_and(|done| done.success()) {
            skip(skip::NETWORK_NAMESPACE, "unshare --net failed");
            return None;
        }
        let script = format!("set -e; ip link set lo up; {setup}; echo ready; exec cat");
        let program = Program::start(Command::new("unshare").args(["--net", "sh", "-c", &script]));
        program.out.line_with(&["ready"]);
        Some(Network(program))
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/proc/{}/ns/net", self.0.pid())).arg(program);
        command
    }

    #[track_caller]
    fn server(&self, program: &str, arguments: &[&str]) -> Server {
        Server::from(self.command(program).args(arguments))
    }

    /// Asserts that an echo of one line comes back from this address.
    #[track_caller]
    fn echoes(&self, host: &str, port: &str) {
        let mut client = Program::start(self.command("nc").args(["-N", host, port]));
        client.types("a line\n");
        client.out.line_with(&["a line"]);
    }
}

const ECHO: &str = env!("CARGO_BIN_EXE_echo_serveur");

#[test]
fn all_addresses_of_ipv6_take_ipv4_whatever_the_system_prefers() {
    for only in ["0", "1"] {
        let _row = Row::of(&only);
        let setup = format!("echo {only} >/proc/sys/net/ipv6/bindv6only");
        let Some(network) = Network::start(&setup) else { return };
        let server = network.server(ECHO, &["--bind", "::", "--port", "0"]);
        network.echoes("127.0.0.1", &server.port());
        network.echoes("::1", &server.port());
        let room = network.server(SERVER, &["--bind", "::", "--port", "0", "--lines", "0"]);
        network.echoes("127.0.0.1", &room.port());
        network.echoes("127.0.0.1", &room.lines_address().port().to_string());
        let mapped = network.server(ECHO, &["--bind", "::ffff:127.0.0.1", "--port", "0"]);
        network.echoes("127.0.0.1", &mapped.port());
    }
}

#[test]
fn a_link_local_address_is_bound_on_its_interface() {
    let setup = "ip link add link0 type veth peer name link1; ip link set link0 up; ip link set link1 up;
        ip address add fe80::1/64 dev link0 nodad";
    let Some(network) = Network::start(setup) else { return };
    for address in ["fe80::1%link0", "[fe80::1%link0]"] {
        let _row = Row::of(&address);
        let server = network.server(ECHO, &["--bind", address, "--port", "0"]);
        server.program.out.line_with(&["[fe80::1%link0]:", "(pid"]);
        network.echoes("fe80::1%link0", &server.port());
    }
    let room = network.server(
        SERVER,
        &[
            &["--bind", "fe80::1%link0", "--port", "0", "--lines", "0", "--web", "[fe80::1%link0]:0"],
            &["--trusted-proxy", "fe80::1%link0"][..],
        ]
        .concat(),
    );
    // No browser takes an interface in a URL.
    assert!(room.program.out.web_url().contains(".local:"));
    network.echoes("fe80::1%link0", &room.lines_address().port().to_string());
    let mut command = network.command(CLIENT);
    let client = Program::start(command.args(["fe80::1%link0", "alice", "--port", &room.port()]));
    client.out.line_with(&["[fe80::1%link0]:"]);
}

#[test]
fn an_address_that_lacks_its_interface_is_refused_with_what_to_type() {
    for (address, hint) in
        [("fe80::1", "fe80::1%eth0"), ("fe80::1%nowhere", "nowhere"), ("fe80::1%0", "\"0\"")]
    {
        let _row = Row::of(&address);
        is_refused_in_english(ECHO, &["--bind", address], hint);
    }
}

#[test]
fn a_port_with_the_address_or_in_its_place_is_refused_with_what_to_type() {
    for address in ["[::1]:7001", "127.0.0.1:7001", "7001", "fe80::1%lo:7001", "[fe80::1%lo]:7001"] {
        let _row = Row::of(&address);
        is_refused_in_english(ECHO, &["--bind", address], "--port");
    }
    is_refused_in_english(ECHO, &["7002"], "127.0.0.1:8000");
    // For the kernel, ":7001" behind the name of an interface begins an alias.
    for program in [ECHO, env!("CARGO_BIN_EXE_calc_client")] {
        let Outcome { status, err, .. } = outcome_of(program, &["fe80::1%lo:7001"], "");
        assert_eq!(status, Some(1), "{err}");
        assert!(err.contains("a port goes behind brackets, as [fe80::1%lo]:7001"), "{err}");
    }
    is_refused_in_english(ECHO, &["127.0.0.1:8001", "8002"], "127.0.0.1:8001 does not go with port 8002");
    is_refused_in_english(ECHO, &["127.0.0.1:8001", "--port", "8002"], "does not go with port 8002");
}
