//! Tests that need most of the machine: thousands of connections, floods, shares of processor time.
//! A separate crate, because cargo runs one crate at a time.

#[path = "../common/mod.rs"]
mod common;

mod fair_limits;
mod many_clients;
mod paste;
#[cfg(target_os = "linux")]
mod resource_exhaustion;
mod signal_storm;
mod thousands;

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

static MACHINE: RwLock<()> = RwLock::new(());

/// Excludes every other test of this crate: for a test with real-time windows, such as clients that
/// lose messages while they wait for a processor.
fn alone() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().unwrap_or_else(PoisonError::into_inner)
}

/// Taken by every other test of this crate.
fn beside_others() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().unwrap_or_else(PoisonError::into_inner)
}
