//! Rounds gathered into rows: medians, and how far the rounds were apart.

use serde::{Deserialize, Serialize};

use super::team::Shape;
use super::{HOST, Seen, Together};
use crate::figures::{Spread, ms, per, percentile, rounded};
use crate::neighbours::THINKS;

/// Processor time and time on the clock, in milliseconds, of one turn.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) door: String,
    /// How long the model thinks.
    pub(crate) model_ms: u64,
    pub(crate) cpu: Spread,
    pub(crate) postgres_cpu: Spread,
    pub(crate) pgbouncer_cpu: Spread,
    pub(crate) wall: Spread,
    /// What is left of `wall` without the floor's; none for the floor itself.
    pub(crate) beyond_floor: Option<f64>,
}

/// Many five-step runs, side by side.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Crowd {
    pub(crate) door: String,
    pub(crate) runs_per_second: Spread,
    /// Of a run, in milliseconds.
    pub p50: Option<Spread>,
    pub p99: Option<Spread>,
    /// Of a turn, in milliseconds.
    pub(crate) cpu: Spread,
    pub(crate) postgres_cpu: Spread,
    pub(crate) pgbouncer_cpu: Spread,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) turns: Vec<Row>,
    pub(crate) crowds: Vec<Crowd>,
}

/// What we want to reach, and what we do.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Goal {
    pub(crate) what: &'static str,
    pub(crate) wanted: &'static str,
    pub(crate) is: f64,
    pub(crate) holds: bool,
}

impl Report {
    /// Held against the host as it ships, with the work that the peers were measured with.
    pub(crate) fn goals(&self) -> Vec<Goal> {
        let room =
            |row: &&Row| row.door == HOST && row.model_ms == 0 && row.what == Shape::Room.what();
        let room = self.turns.iter().find(room);
        let crowd = self.crowds.iter().find(|crowd| crowd.door == HOST);
        let cpu = room.map_or(f64::NAN, |row| row.cpu.median);
        let beyond = room.and_then(|row| row.beyond_floor).unwrap_or(f64::NAN);
        let runs = crowd.map_or(f64::NAN, |crowd| crowd.runs_per_second.median);
        vec![
            Goal {
                what: "CPU of a durable turn",
                wanted: "at most 0.5 ms",
                is: cpu,
                holds: cpu <= 0.5,
            },
            Goal {
                what: "wall of a durable turn beyond model call and commit",
                wanted: "at most 0.6 ms",
                is: beyond,
                holds: beyond <= 0.6,
            },
            Goal {
                what: "five-step runs completed in a second",
                wanted: "at least 350",
                is: runs,
                holds: runs >= 350.0,
            },
        ]
    }
}

/// What the rounds saw, row by row, in the order in which rows first came.
#[derive(Default)]
pub(super) struct Gathered {
    turns: Vec<(Key, Vec<Seen>)>,
    crowds: Vec<(&'static str, Vec<Together>)>,
}

/// Shape (none: the floor), door, whether the model thinks.
type Key = (Option<Shape>, &'static str, bool);

impl Gathered {
    pub(super) fn turn(&mut self, key: Key, seen: Seen) {
        match self.turns.iter_mut().find(|(known, _)| *known == key) {
            Some((_, all)) => all.push(seen),
            None => self.turns.push((key, vec![seen])),
        }
    }

    pub(super) fn crowd(&mut self, door: &'static str, seen: Together) {
        match self.crowds.iter_mut().find(|(known, _)| *known == door) {
            Some((_, all)) => all.push(seen),
            None => self.crowds.push((door, vec![seen])),
        }
    }

    pub(super) fn report(&self) -> Report {
        let wall = |seen: &[Seen]| Spread::of(seen.iter().map(|s| s.turn_ms));
        let floor = |thinks| {
            let floor = self.turns.iter().find(|((s, _, t), _)| s.is_none() && *t == thinks);
            floor.map(|(_, seen)| wall(seen).median)
        };
        let rows = self.turns.iter().map(|((shape, door, thinks), seen)| {
            let a_turn = |spent: fn(&Seen) -> std::time::Duration| {
                Spread::of(seen.iter().map(|s| per(ms(spent(s)), s.turns)))
            };
            let wall = wall(seen);
            Row {
                what: shape.map_or("floor: model call + commit", Shape::what).into(),
                door: (*door).into(),
                model_ms: if *thinks { u64::try_from(THINKS.as_millis()).unwrap_or(0) } else { 0 },
                cpu: a_turn(|s| s.spent.cadre),
                postgres_cpu: a_turn(|s| s.spent.postgres),
                pgbouncer_cpu: a_turn(|s| s.spent.pgbouncer),
                wall,
                beyond_floor: shape.and(floor(*thinks)).map(|floor| rounded(wall.median - floor)),
            }
        });
        let crowds = self.crowds.iter().map(|(door, seen)| {
            let turns = |s: &Together| s.runs * Shape::Chain.turns();
            let a_turn = |spent: fn(&Together) -> std::time::Duration| {
                Spread::of(seen.iter().map(|s| per(ms(spent(s)), turns(s))))
            };
            let share = |share: f64| {
                let timed = seen.iter().filter(|s| !s.took.is_empty());
                let spread = Spread::of(timed.map(|s| percentile(&s.took, share)));
                Some(spread).filter(|spread| spread.median.is_finite())
            };
            Crowd {
                door: (*door).into(),
                runs_per_second: Spread::of(
                    seen.iter().map(|s| 1000.0 / per(ms(s.spent.wall), s.runs)),
                ),
                p50: share(0.5),
                p99: share(0.99),
                cpu: a_turn(|s| s.spent.cadre),
                postgres_cpu: a_turn(|s| s.spent.postgres),
                pgbouncer_cpu: a_turn(|s| s.spent.pgbouncer),
            }
        });
        Report { turns: rows.collect(), crowds: crowds.collect() }
    }
}
