//! Two hosts and a router between them: network namespaces connected by veth pairs.

use crate::common::*;

use std::process::Command;

/// Each namespace is held by one process.
pub struct Hosts {
    pub near: Program,
    pub router: Program,
    pub far: Program,
}

pub const NEAR: &str = "192.0.2.1";
pub const FAR: &str = "198.51.100.1";

/// A command in the network namespace of a host.
pub fn on(host: &Program, program: &str) -> Command {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net=/proc/{}/ns/net", host.pid())).arg(program);
    command
}

#[track_caller]
pub fn ip(host: &Program, arguments: &str) {
    let done = on(host, "ip").args(arguments.split(' ')).status().expect("ip of iproute2");
    assert!(done.success(), "ip {arguments}");
}

impl Hosts {
    /// `None` where network namespaces are not permitted: the test is recorded as skipped.
    #[track_caller]
    pub fn start() -> Option<Hosts> {
        if !Command::new("unshare").args(["--net", "true"]).status().is_ok_and(|done| done.success()) {
            skip(skip::NETWORK_NAMESPACE, "unshare --net failed");
            return None;
        }
        let [near, router, far] =
            [(); 3].map(|()| Program::start(Command::new("unshare").args(["--net", "cat"])));
        for host in [&near, &router, &far] {
            eventually("the host's own network", || (name_of(host.pid()) == "cat").then_some(()));
        }
        for (host, device, address, hop, hop_address) in
            [(&near, "near", NEAR, "to-near", "192.0.2.254"), (&far, "far", FAR, "to-far", "198.51.100.254")]
        {
            let _row = Row::of(&device);
            ip(&router, &format!("link add {hop} type veth peer name {device} netns {}", host.pid()));
            for (host, device, address) in [(&router, hop, hop_address), (host, device, address)] {
                ip(host, &format!("address add {address}/24 dev {device}"));
                ip(host, &format!("link set {device} up"));
            }
            ip(host, &format!("route add default via {hop_address}"));
            ip(host, "link set lo up");
        }
        let hosts = Hosts { near, router, far };
        hosts.forwards(true);
        Some(hosts)
    }

    /// A router that does not forward drops packets without a word.
    #[track_caller]
    pub fn forwards(&self, does: bool) {
        let write = format!("echo {} >/proc/sys/net/ipv4/ip_forward", u8::from(does));
        assert!(on(&self.router, "sh").args(["-c", &write]).status().expect("sh").success(), "{write}");
    }

    #[track_caller]
    pub fn pulls_the_cable(&self) {
        ip(&self.far, "link set far down");
    }

    #[track_caller]
    pub fn server(&self) -> Server {
        Server::from(on(&self.near, SERVER).args(["--port", "0"]))
    }
}
