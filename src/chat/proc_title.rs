//! What `ps -f` shows of a child: whom it serves, and the name that its client gives itself. docs/PROTOCOLS.md, "Processes and
//! descriptors".

use std::net::SocketAddr;

use super::nick::Nick;
use crate::sys::Title;
use crate::text::Visible;

/// A child's title, `chat_serveur: 127.0.0.1:54050 alice`, up to date.
#[derive(Debug)]
pub struct ProcTitle {
    title: Title,
    program: &'static str,
    peer: SocketAddr,
    pseudo: Nick,
}

impl ProcTitle {
    /// In the child of the client at `peer`: shows the address at once.
    pub fn new(title: Title, program: &'static str, peer: SocketAddr) -> ProcTitle {
        let tag = ProcTitle { title, program, peer, pseudo: Nick::default() };
        tag.title.show(format_args!("{program}: {peer}"));
        tag
    }

    /// The client says `message`, or this text of a line: shows its name, if that is another than before.
    pub fn hear(&mut self, message: &[u8]) {
        if self.pseudo.hear(message) {
            let ProcTitle { title, program, peer, pseudo } = self;
            title.show(format_args!("{program}: {peer} {}", Visible(pseudo.as_bytes())));
        }
    }
}
