//! The measurements.

mod c10k;
mod connection_rate;
mod cpu_cost;
mod delivery;
mod fanout;
mod idle;
mod latency_under_load;
pub mod memory;
pub mod throughput;
mod transcript;

use crate::table::Row;

/// What measures one row or several, and how many.
type Measurement = (usize, fn() -> Vec<Row>);

pub const MEASUREMENTS: [Measurement; 16] = [
    (1, delivery::burst),
    (1, delivery::paste),
    (1, || fanout::latency(1)),
    (1, || fanout::latency(10)),
    (1, || fanout::latency(100)),
    (1, || fanout::latency(1000)),
    (1, || throughput::deliveries(10)),
    (1, || throughput::deliveries(100)),
    (1, || throughput::deliveries(500)),
    (2, connection_rate::connections),
    (4, c10k::clients),
    (1, idle::wake_ups),
    (1, cpu_cost::as_work_grows),
    (1, latency_under_load::a_flood),
    (1, memory::of_a_child),
    (2, transcript::costs),
];
