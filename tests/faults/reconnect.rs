//! `chat_client --reconnect` where the way to the server, or its address, changes.

use super::network::*;
use crate::common::*;

use std::path::Path;
use std::process::Command;

const RETRIES: &str = "on réessaie jusqu'à ce qu'il réponde";
const BACK: &str = "de nouveau connecté";

#[test]
fn after_a_loss_no_error_of_the_way_is_final() {
    let Some(hosts) = Hosts::start() else { return };
    let place = tempfile::tempdir().unwrap();
    for (kind, error) in [("prohibit", "EACCES"), ("blackhole", "EINVAL")] {
        let _row = Row::of(&kind);
        let server = hosts.server();
        let port = server.port();
        let client =
            Program::start(on(&hosts.far, CLIENT).args([NEAR, "alice", "--reconnect", "--port", &port]));
        client.out.line_with(&["Connecté à"]);
        server.wait_for_children(1);
        drop(server);
        client.err.line_with(&[RETRIES]);
        let attempts = place.path().join(kind);
        let Some(strace) = attach(client.pid(), &["-e", "trace=connect"], &attempts) else { return };
        ip(&hosts.far, &format!("route add {kind} {NEAR}/32"));
        eventually("an attempt on that route", || {
            std::fs::read_to_string(&attempts).unwrap().contains(error).then_some(())
        });
        drop(strace);
        ip(&hosts.far, &format!("route del {kind} {NEAR}/32"));
        let _server = Server::from(on(&hosts.near, SERVER).args(["--port", &port]));
        client.err.line_with(&[BACK]);
    }
}

/// Execs its arguments with the file `$0` as /etc/hosts.
const WITH_HOSTS: &str = "mount --bind \"$0\" /etc/hosts && exec \"$@\"";

/// A command for which `hosts` is /etc/hosts.
fn with_hosts(hosts: &Path) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", WITH_HOSTS]).arg(hosts);
    command
}

#[test]
fn after_a_loss_the_name_is_looked_up_again() {
    let directory = tempfile::tempdir().unwrap();
    let hosts = directory.path().join("hosts");
    std::fs::write(&hosts, "127.0.0.2 salle\n").unwrap();
    if !with_hosts(&hosts).arg("true").status().is_ok_and(|done| done.success()) {
        return skip(skip::MOUNT, "unshare --mount failed");
    }
    let at = |address, port| Server::from(Command::new(SERVER).args(["--bind", address, "--port", port]));
    let server = at("127.0.0.2", "0");
    let port = server.port();
    let arguments = ["salle", "alice", "--reconnect", "--port", &port];
    let client = Program::start(with_hosts(&hosts).arg(CLIENT).args(arguments));
    client.out.line_with(&["Connecté à 127.0.0.2"]);
    server.wait_for_children(1);
    drop(server);
    client.err.line_with(&[RETRIES]);
    // In place: the file is mounted.
    std::fs::write(&hosts, "127.0.0.3 salle\n").unwrap();
    let server = at("127.0.0.3", &port);
    client.err.line_with(&[BACK]);
    server.wait_for_children(1);
}
