//! A worker's process title, `chat_serveur: 127.0.0.1:54050 alice`: what `ps -f` shows.
//! docs/PROTOCOLS.md, "Processes and descriptors".

use std::net::IpAddr;

use super::nick::Nick;
use crate::hub::peer_address::PeerAddress;
use crate::sys::Title;
use crate::text::Visible;

#[derive(Debug)]
pub(crate) struct ProcTitle {
    title: Title,
    program: &'static str,
    pub peer: PeerAddress,
    nick: Nick,
}

impl ProcTitle {
    /// Called in the worker; shows the client's address at once.
    pub fn new(title: Title, program: &'static str, peer: PeerAddress) -> ProcTitle {
        title.show(format_args!("{program}: {peer}"));
        ProcTitle { title, program, peer, nick: Nick::default() }
    }

    /// Shows the client behind a proxy.
    pub fn show_forwarded(&mut self, address: IpAddr) {
        self.peer.forwarded = Some(address);
        self.title.show(format_args!("{}: {}", self.program, self.peer));
    }

    /// Shows the nick in the client's message, if it is a new one.
    pub fn update(&mut self, message: &[u8]) {
        if self.nick.update(message) {
            let ProcTitle { title, program, peer, nick } = self;
            title.show(format_args!("{program}: {peer} {}", Visible(nick.as_bytes())));
        }
    }
}
