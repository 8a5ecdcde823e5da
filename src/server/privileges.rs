//! How a server guards its machine and itself: it runs as a user who may do little, its children may do less.

use std::os::fd::{BorrowedFd, RawFd};

use anyhow::Context;

use super::Options;
use super::messages::Messages;
use crate::sys::{Profile, Sandbox, User};

/// What was asked for, and what has come of it.
#[derive(Debug)]
pub struct Privileges {
    user: Option<User>,
    limits: bool,
    seccomp: bool,
    verbose: bool,
    /// What is done to each child; nothing before [`Privileges::confine`], as where there are no children.
    pub sandbox: Sandbox,
    has_children: bool,
}

impl Privileges {
    /// Finds the user.
    ///
    /// # Errors
    /// That there is none of this name.
    pub fn new(options: &Options, messages: Messages) -> anyhow::Result<Privileges> {
        let &Options { limits, seccomp, verbose, .. } = options;
        let find = |name: &String| {
            let user = User::named(name).with_context(|| messages.cannot_become(name))?;
            user.with_context(|| messages.unknown_user(name))
        };
        let user = options.user.as_ref().map(find).transpose()?;
        let sandbox = Sandbox::none();
        Ok(Privileges { user, limits, seccomp, verbose, sandbox, has_children: false })
    }

    /// Becomes the user, if one was asked for: once the doors are open, since only root opens those below 1024, and before
    /// anybody comes in.
    ///
    /// # Errors
    /// The system's refusal, above all that this process is not root's.
    pub fn drop_privileges(&self, messages: Messages) -> anyhow::Result<()> {
        match &self.user {
            Some(user) => user.switch_to().with_context(|| messages.cannot_become(user.name())),
            None => Ok(()),
        }
    }

    /// Makes ready what confines each child, whose duty this is, and who writes files to `directory` alone, if any; descriptors for
    /// that get numbers from `lowest` on.
    pub fn confine(&mut self, duty: Profile, directory: Option<BorrowedFd>, lowest: RawFd) {
        let sandbox = Sandbox::prepare(duty, self.limits, self.seccomp);
        self.sandbox = match directory {
            Some(directory) => sandbox.with_files_in(directory, lowest),
            None => sandbox,
        };
        self.has_children = true;
    }

    /// What `-v` tells of it.
    pub fn lines(&self, messages: Messages) -> Vec<String> {
        if !self.verbose {
            return Vec::new();
        }
        let user = self.user.as_ref().map(|user| messages.runs_as(user.name(), user.number()));
        let children = match self.has_children {
            true => messages.confined(&self.sandbox),
            false => messages.no_children_to_confine().to_string(),
        };
        user.into_iter().chain([children]).collect()
    }
}
