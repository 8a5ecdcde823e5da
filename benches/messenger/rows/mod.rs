//! The measurements, in the order of their row numbers: first one client's message on its way, then
//! many clients, then the cost per client.

mod c10k;
mod connection_rate;
mod cpu_cost;
mod delivery;
mod fanout;
mod idle;
mod latency_under_load;
mod memory;
mod throughput;
mod transcript;

use crate::table::Row;

/// The number of rows, and the function that measures them.
type Measurement = (usize, fn() -> Vec<Row>);

/// Rows are numbered from 1 in this order. The documents name them by number: append new ones.
pub const MEASUREMENTS: [Measurement; 16] = [
    (1, delivery::burst),                    // 1
    (1, delivery::paste),                    // 2
    (1, || fanout::latency(1)),              // 3
    (1, || fanout::latency(10)),             // 4
    (1, || fanout::latency(100)),            // 5
    (1, || fanout::latency(1000)),           // 6
    (1, || throughput::deliveries(10)),      // 7
    (1, || throughput::deliveries(100)),     // 8
    (1, || throughput::deliveries(500)),     // 9
    (2, connection_rate::rows),              // 10: against socat; 11: against C fork_server
    (4, c10k::rows),                         // 12: held; 13: memory; 14: latency; 15: cost of connecting
    (1, idle::wake_ups),                     // 16
    (1, cpu_cost::by_room_size),             // 17
    (1, latency_under_load::beside_a_flood), // 18
    (1, memory::per_child),                  // 19
    (2, transcript::rows),                   // 20: flood; 21: single messages
];
