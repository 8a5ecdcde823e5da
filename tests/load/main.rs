//! Tests that need most of the machine: thousands of connections, floods, shares of processor time. A crate of their own, so that no
//! other test runs beside them; cargo runs one crate at a time.

#[path = "../common/mod.rs"]
mod common;

mod many_clients;
mod paste;
#[cfg(target_os = "linux")]
mod resource_exhaustion;
mod signal_storm;
mod thousands;

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

static MACHINE: RwLock<()> = RwLock::new(());

/// For a test that keeps a pace: clients that lose messages when they wait for a processor, a thousand signals a second.
fn alone() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().unwrap_or_else(PoisonError::into_inner)
}

/// For every other test of this crate.
fn beside_others() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().unwrap_or_else(PoisonError::into_inner)
}
