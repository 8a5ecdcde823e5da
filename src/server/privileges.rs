//! The user that a server runs as, and the sandbox of its children.

use std::os::fd::{BorrowedFd, RawFd};

use anyhow::{Context, anyhow};

use super::Options;
use super::messages::Messages;
use crate::sys::{LookupError, Profile, Sandbox, User};

#[derive(Debug)]
pub struct Privileges {
    user: Option<User>,
    limits: bool,
    seccomp: bool,
    verbose: bool,
    /// Empty before [`Privileges::confine`].
    pub sandbox: Sandbox,
    has_children: bool,
}

impl Privileges {
    pub fn new(options: &Options, messages: Messages) -> anyhow::Result<Privileges> {
        let &Options { limits, seccomp, verbose, .. } = options;
        let find = |typed: &String| {
            User::named(typed).map_err(|error| match error {
                LookupError::NoUser(name) => anyhow!(messages.unknown_user(&name)),
                LookupError::NoGroup(name) => anyhow!(messages.unknown_group(&name)),
                LookupError::System(reason) => anyhow!(reason).context(messages.cannot_become(typed)),
            })
        };
        let user = options.user.as_ref().map(find).transpose()?;
        let sandbox = Sandbox::none();
        Ok(Privileges { user, limits, seccomp, verbose, sandbox, has_children: false })
    }

    /// Becomes the user of `--user`, if any: after listening, since ports below 1024 are root's.
    pub fn drop_privileges(&self, messages: Messages) -> anyhow::Result<()> {
        match &self.user {
            Some(user) => user.switch_to().with_context(|| messages.cannot_become(&user.name)),
            None => Ok(()),
        }
    }

    /// Prepares the sandbox of each child, which writes files to `directory` alone, if any.
    /// Descriptors for it get numbers from `lowest` on.
    pub fn confine(&mut self, profile: Profile, directory: Option<BorrowedFd>, lowest: RawFd) {
        let sandbox = Sandbox::prepare(profile, self.limits, self.seccomp, lowest);
        self.sandbox = match directory {
            Some(directory) => sandbox.with_files_in(directory, lowest),
            None => sandbox,
        };
        self.has_children = true;
    }

    /// The lines that `-v` adds.
    pub fn lines(&self, messages: Messages) -> Vec<String> {
        if !self.verbose {
            return Vec::new();
        }
        let user = self.user.as_ref().map(|user| messages.runs_as(&user.name, user.uid.as_raw()));
        let children = match self.has_children {
            true => messages.confined(&self.sandbox),
            false => messages.no_children_to_confine().to_string(),
        };
        user.into_iter().chain([children]).collect()
    }
}
