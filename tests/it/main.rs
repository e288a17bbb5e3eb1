//! One test binary: a module for each domain, and the rules of the house.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod access_keys;
mod access_roles;
mod bad_bundles;
mod bad_input;
mod bad_requests;
mod bad_workflows;
mod crash;
mod crash_points;
mod crash_process;
mod definitions;
mod doors;
mod edge;
mod edge_wire;
mod events;
mod house;
mod imports;
mod key;
mod machines;
mod migrations;
mod openapi;
mod outbound;
mod packages;
mod pooler;
mod publishing;
mod record;
mod runs_cancel;
mod runs_fencing;
mod runs_outbox;
mod runs_pins;
mod runs_start;
mod runs_whole;
mod schema;
mod scratch;
mod source;
mod spend;
mod tenancy;
mod tokens;
mod visitors;

use tests::{team, world};
