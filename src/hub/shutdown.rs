//! The end of the server: what was said is sent to all, and every connection closed in good order.

use std::time::{Duration, Instant};

use super::event_loop::{Few, Hub};
use super::record_reader::CAPACITY;
use super::service::Service;
use crate::sys::{self, Ended, Pid};

/// Time to read what the workers have written.
const LAST_READS: Duration = Duration::from_secs(2);

/// Time for messages without an end that workers hold for their rest: longer than any is held.
const LAST_HOLD: Duration = Duration::from_millis(700);

/// Pause between two searches for workers that have ended meanwhile.
const REAP_AGAIN_AFTER: Duration = Duration::from_millis(20);

impl<S: Service> Hub<S> {
    /// Ends all workers, then all connections, each with all that was heard of: within
    /// [`crate::server::Grace`], and whatever its client does.
    pub(super) fn close(&mut self) {
        self.supervisor.announce_stop(self.channels.readers());
        // From now on, the system refuses connections.
        let Hub { service, supervisor, .. } = self;
        supervisor.stop_accepting(|listener, reason| service.refusal(listener, reason), Instant::now());
        self.backpressure.is_ending = true;
        self.await_held();
        let mut workers = self.clients.pids();
        workers.retain(|&pid| self.clients.get_mut(pid).is_some_and(|(one, _)| !one.is_reaped));
        sys::kill_and_reap(&workers);
        for pid in workers {
            self.supervisor.privileges.sandbox.reaped(pid);
            self.clients.mark_reaped(pid);
        }
        // A mark, which is no client's: turns go on until the pipe is read, no faster than before.
        let (pid, ended) = (Pid::from_raw(0), Ended::Status(0));
        self.finish_reaped(Few::from_iter([(pid, ended)]), Instant::now());
        let deadline = Instant::now() + LAST_READS;
        while !self.reaped.is_empty() && Instant::now() < deadline {
            self.turn();
        }
        self.service.before_send(&mut self.supervisor);
        self.clients.departures.lift_limit();
        let now = Instant::now();
        for pid in self.clients.pids() {
            let Some((mut connection, client)) = self.clients.remove(pid) else { continue };
            let channel = connection.leave_channel(&mut self.channels);
            self.depart(connection, channel, self.service.stopping(&client), now);
        }
        self.finish_departures();
        self.supervisor.flush();
    }

    /// Goes on until every message that a worker holds for its rest has come, as it is.
    fn await_held(&mut self) {
        let deadline = Instant::now() + LAST_HOLD;
        self.read_pipe(CAPACITY, Instant::now());
        while self.clients.has_held() && Instant::now() < deadline {
            // A signal to the whole group has ended the workers too.
            self.reap_all(Instant::now());
            self.reap_all_at = Some(Instant::now() + REAP_AGAIN_AFTER);
            self.turn();
        }
    }

    /// Waits until every connection is closed.
    fn finish_departures(&mut self) {
        let Hub { clients, channels, supervisor, .. } = self;
        while !clients.departures.is_empty() {
            let now = Instant::now();
            let due = clients.departures.due(now).into_iter().chain(supervisor.lingering.due()).min();
            let departures = clients.departures.watch(now).map(|(at, fd)| (Some(at), fd));
            let watched = departures.chain(supervisor.lingering.watch().map(|fd| (None, fd)));
            let left = due.map(|at| at.saturating_duration_since(now));
            let (ready, has_timed_out) = sys::wait_for_events(watched, left);
            supervisor.begin_turn(&has_timed_out);
            for at in ready {
                supervisor.turns.progress();
                at.into_iter().for_each(|at| clients.departures.set_writable(at));
            }
            let now = Instant::now();
            clients.departures.advance(channels, &mut supervisor.lingering, now);
            supervisor.end_turn(now);
        }
        supervisor.lingering.finish();
    }
}
