//! Builds the chat server from its options: channels, listeners, the lines of the start.

use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::encoding::Encoding;
use super::filter::MessageFilter;
use super::hop_trace::HopTrace;
use super::names::NameRegistry;
use super::options::Options;
use super::server::ChatServer;
use super::transcript::Transcript;
use super::web::{endpoint::WebEndpoint, request::Site};
use super::{PROGRAM, messages};
use crate::hub::event_loop::Hub;
use crate::hub::message_log::Channels;
use crate::server::first_bytes::Expected;
use crate::sys::{self, Title};

/// Runs the server until SIGINT or SIGTERM.
pub fn run(options: Options) -> anyhow::Result<()> {
    let Options { verbosity, idle_timeout, .. } = options;
    let (now, mut channels) = (Instant::now(), Channels::default());
    let transcript = options.transcript.map(Transcript::new).transpose()?;
    let mut more: Vec<String> = transcript.iter().map(|t| messages::transcribes(t.path())).collect();
    let server = ChatServer {
        verbosity,
        idle_timeout,
        filter: MessageFilter { names: options.distinct_names.then(|| NameRegistry::new(PROGRAM.name)) },
        expected: options.checks_first_bytes.then_some(Expected::Text),
        listeners: vec![Some(Encoding::CString)],
        strings: channels.add(options.pace, now),
        // Clients of lines and of frames read whole messages, however they arrive: no pacing.
        lines: options.lines.map(|_| channels.add(Duration::ZERO, now)),
        frames: options.web.map(|_| channels.add(Duration::ZERO, now)),
        web: None,
        title: if options.titles { Title::find() } else { Title::default() },
        transcript,
        report: None,
        trace: HopTrace::new(verbosity),
    };
    let listening = &options.listening;
    let mut hub = Hub::open(server, listening, channels, options.lag_limit)?;
    if let Some(address) = options.lines {
        let address = hub.supervisor.add_listener(address, listening.backlog)?;
        hub.service.listeners.push(Some(Encoding::Line));
        more.push(messages::ready_for_lines(address));
    }
    if let Some(address) = options.web {
        let address = hub.supervisor.add_listener(address, listening.backlog)?;
        hub.service.listeners.push(None);
        let site = Site { machine: sys::machine_name(), origins: options.origins, proxies: options.proxies };
        more.push(messages::ready_for_browsers(address, &site.machine));
        let room = hub.supervisor.listeners[0].address().context("getsockname")?;
        hub.service.web = Some(WebEndpoint::new(site, room, listening.max_per_address, verbosity));
    }
    hub.run(&more)
}
