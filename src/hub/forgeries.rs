//! Forged records: their key is not that of the worker whose pid they have.

use super::clients::ClientTable;
use super::record::{Key, Record};
use crate::server::Supervisor;

/// Counts them, tells the operator, and ends a forger where it is known for certain.
#[derive(Debug, Default)]
pub(super) struct Forgeries(u64);

impl Forgeries {
    /// Handles a forged record, which the caller drops. A key that another living worker has was
    /// written by that worker, since no other process has it. A key of nobody tells nothing about
    /// its writer: to end the claimed worker would let the forger end its siblings.
    pub fn handle<C>(
        &mut self,
        record: &Record,
        key: &Key,
        clients: &mut ClientTable<C>,
        supervisor: &mut Supervisor,
    ) {
        self.0 += 1;
        // Rate limit: the 1st, 2nd, 4th, 8th, ... is logged.
        if self.0.is_power_of_two() {
            supervisor.err.line(supervisor.messages.forged_record(self.0));
        }
        if let Some(forger) = clients.owner_of(key)
            && forger.end_worker()
        {
            supervisor.err.line(supervisor.messages.forger_ended(forger.pid, forger.peer, record.pid));
        }
    }
}
