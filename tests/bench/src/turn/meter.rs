//! What a stretch of work costs: Cadre's own processor time, the database's, the pooler's.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::clock::{self, Family};
use crate::surroundings::Surroundings;

#[derive(Clone, Copy)]
pub(crate) struct Meter {
    /// Cadre's process, if it is not this one.
    cadre: Option<i32>,
    postgres: i32,
    pgbouncer: i32,
}

pub(crate) struct Reading {
    meter: Meter,
    at: Instant,
    cadre: Duration,
    postgres: Family,
    pgbouncer: Duration,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    pub(crate) wall: Duration,
    pub(crate) cadre: Duration,
    pub(crate) postgres: Duration,
    pub(crate) pgbouncer: Duration,
}

impl Meter {
    pub(crate) fn new(surroundings: &Surroundings, cadre: Option<i32>) -> Result<Self> {
        let (postgres, pgbouncer) = (surroundings.pid("postgres")?, surroundings.pid("pgbouncer")?);
        Ok(Self { cadre, postgres, pgbouncer })
    }

    pub(crate) fn read(self) -> Result<Reading> {
        Ok(Reading {
            meter: self,
            postgres: Family::of(self.postgres)?,
            pgbouncer: clock::of_process(self.pgbouncer)?,
            cadre: self.cadre.map_or_else(clock::of_this_process, clock::of_process)?,
            at: Instant::now(),
        })
    }
}

impl Reading {
    /// Until now.
    pub(crate) fn spent(&self) -> Result<Spent> {
        let wall = self.at.elapsed();
        let now = self.meter.read()?;
        Ok(Spent {
            wall,
            cadre: now.cadre.saturating_sub(self.cadre),
            postgres: now.postgres.since(&self.postgres),
            pgbouncer: now.pgbouncer.saturating_sub(self.pgbouncer),
        })
    }
}

impl std::ops::AddAssign for Spent {
    fn add_assign(&mut self, more: Self) {
        self.wall += more.wall;
        self.cadre += more.cadre;
        self.postgres += more.postgres;
        self.pgbouncer += more.pgbouncer;
    }
}
