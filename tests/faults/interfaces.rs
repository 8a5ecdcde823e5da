//! Clients by link-local addresses, which are valid on one interface alone: they are shown and
//! trusted by its name.

use super::network::*;
use crate::common::*;

use std::process::Command;

const ROUTER: &str = "fe80::99%far";

/// Hosts whose router is [`ROUTER`] for the far one, which is fe80::98%to-far for the router.
#[track_caller]
fn hosts() -> Option<Hosts> {
    let hosts = Hosts::start()?;
    ip(&hosts.router, "address add fe80::99/64 dev to-far nodad");
    ip(&hosts.far, "-6 address flush dev far scope link");
    ip(&hosts.far, "address add fe80::98/64 dev far nodad");
    Some(hosts)
}

#[test]
fn a_link_local_client_is_shown_with_the_name_of_its_interface() {
    let Some(hosts) = hosts() else { return };
    let place = tempfile::tempdir().unwrap();
    for program in [
        SERVER,
        env!("CARGO_BIN_EXE_direct_serveur"),
        env!("CARGO_BIN_EXE_echo_serveur"),
        env!("CARGO_BIN_EXE_calc_serveur"),
        env!("CARGO_BIN_EXE_upload_serveur"),
        env!("CARGO_BIN_EXE_relay_serveur"),
    ] {
        let _row = Row::of(&program);
        let mut command = on(&hosts.router, program);
        let server = Server::from(command.args(["--bind", "::", "--port", "0"]).current_dir(place.path()));
        let _client = Program::start(on(&hosts.far, CLIENT).args([ROUTER, "x", "--port", &server.port()]));
        server.program.out.line_with(&["client [fe80::98%to-far]:"]);
    }
}

#[test]
fn a_proxy_is_trusted_by_its_interface() {
    let Some(hosts) = hosts() else { return };
    if !Command::new("sh").args(["-c", "command -v nc"]).output().is_ok_and(|done| done.status.success()) {
        return skip(skip::NETWORK_TOOLS, "no nc");
    }
    for (trusted, shown) in [
        ("fe80::98%to-far", "nouveau client 203.0.113.9 via [fe80::98%to-far]:"),
        ("fe80::98%lo", "nouveau client [fe80::98%to-far]:"),
    ] {
        let _row = Row::of(&trusted);
        let options = ["--port", "0", "--web", "[::]:0", "--trusted-proxy", trusted];
        let server = Server::from(on(&hosts.router, SERVER).args(options));
        let web = server.program.out.line_with(&["en attente de navigateurs"]);
        let port = web.split(":").last().unwrap().split(|c: char| !c.is_ascii_digit()).next().unwrap();
        let mut proxy = Program::start(on(&hosts.far, "nc").args([ROUTER, port]));
        proxy.types(format!(
            "GET /room HTTP/1.1\r\nHost: [::1]:{port}\r\nX-Forwarded-For: 203.0.113.9\r\n\
             Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        ));
        server.program.out.line_with(&[shown]);
    }
}
