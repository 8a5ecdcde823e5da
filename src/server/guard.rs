//! How a server guards its machine and itself: it runs as a user who may do little, its children may do less.

use std::os::fd::{BorrowedFd, RawFd};

use anyhow::Context;

use super::Options;
use super::words::Words;
use crate::sys::{Confinement, Duty, User};

/// What was asked for, and what has come of it.
#[derive(Debug)]
pub struct Guard {
    user: Option<User>,
    limits: bool,
    seccomp: bool,
    verbose: bool,
    /// What is done to each child; nothing before [`Guard::confine`], as where there are no children.
    pub confinement: Confinement,
    has_children: bool,
}

impl Guard {
    /// Finds the user.
    ///
    /// # Errors
    /// That there is none of this name.
    pub fn new(options: &Options, words: Words) -> anyhow::Result<Guard> {
        let &Options { limits, seccomp, verbose, .. } = options;
        let find = |name: &String| {
            let user = User::named(name).with_context(|| words.cannot_become(name))?;
            user.with_context(|| words.unknown_user(name))
        };
        let user = options.user.as_ref().map(find).transpose()?;
        let confinement = Confinement::none();
        Ok(Guard { user, limits, seccomp, verbose, confinement, has_children: false })
    }

    /// Becomes the user, if one was asked for: once the doors are open, since only root opens those below 1024, and before
    /// anybody comes in.
    ///
    /// # Errors
    /// The system's refusal, above all that this process is not root's.
    pub fn become_user(&self, words: Words) -> anyhow::Result<()> {
        self.user.as_ref().map_or(Ok(()), User::become_it).with_context(|| {
            let name = self.user.as_ref().map_or("", User::name);
            words.cannot_become(name)
        })
    }

    /// Makes ready what confines each child, whose duty this is, and who writes files to `directory` alone, if any; descriptors for
    /// that get numbers from `lowest` on.
    pub fn confine(&mut self, duty: Duty, directory: Option<BorrowedFd>, lowest: RawFd) {
        let confinement = Confinement::prepare(duty, self.limits, self.seccomp);
        self.confinement = match directory {
            Some(directory) => confinement.with_files_in(directory, lowest),
            None => confinement,
        };
        self.has_children = true;
    }

    /// What `-v` tells of it.
    pub fn lines(&self, words: Words) -> Vec<String> {
        if !self.verbose {
            return Vec::new();
        }
        let user = self.user.as_ref().map(|user| words.runs_as(user.name(), user.number()));
        let children = match self.has_children {
            true => words.confined(&self.confinement),
            false => words.nobody_is_confined().to_string(),
        };
        user.into_iter().chain([children]).collect()
    }
}
