//! A lease: a part of the caps that one worker holds, and what it has done with it. A state machine
//! without I/O; [`crate::store`] keeps it.

use crate::model::Amount;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Open,
    /// By its worker: what was not used is back.
    Closed,
    /// Its worker was silent beyond its time: what was not used is back, and the call that may
    /// have been under way counts as all it could use.
    Reclaimed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub state: State,
    pub held: Amount,
    pub used: Amount,
    /// The most that the call under way can use.
    pub open: Option<Amount>,
    /// Calls begun.
    pub calls: i64,
    /// Silent beyond this, its worker is taken for dead. Milliseconds since 1970.
    pub until: i64,
    /// Grows with every change that is kept.
    pub version: i64,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Used {
    /// It was not sent, or refused unread: nothing.
    Nothing,
    /// As the provider counted, or we did because it gave no count.
    Counted(Amount),
    /// Nobody can tell: all that it could.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The rest is less than the call may need: take another lease.
    Short,
    /// A call is under way.
    Busy,
    /// It is not open any more.
    Over,
}

/// What changes on the accounts when a lease ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Added to what is taken: negative for what comes back.
    pub taken: Amount,
    pub spent: Amount,
}

impl Lease {
    pub fn new(held: Amount, until: i64) -> Self {
        let used = Amount::NOTHING;
        Self { state: State::Open, held, used, open: None, calls: 0, until, version: 1 }
    }

    pub fn rest(&self) -> Amount {
        self.held - self.used - self.open.unwrap_or_default()
    }

    /// The call may begin once this is kept.
    pub fn begin(&mut self, most: Amount, until: i64) -> Result<(), Refusal> {
        match (self.state, self.open) {
            (State::Open, None) if most.is_valid() && most.fits(self.rest()) => {
                self.open = Some(most);
                self.calls += 1;
                self.until = self.until.max(until);
                Ok(())
            }
            (State::Open, None) => Err(Refusal::Short),
            (State::Open, Some(_)) => Err(Refusal::Busy),
            _ => Err(Refusal::Over),
        }
    }

    /// What a provider counted is taken as it is, even if it is more than it was allowed: ledger
    /// and bill agree.
    pub fn settle(&mut self, used: Used) {
        let Some(most) = self.open.take() else { return };
        self.used = self.used
            + match used {
                Used::Nothing => Amount::NOTHING,
                // A count below nothing is no count.
                Used::Counted(amount) => amount.most(Amount::NOTHING),
                Used::Unknown => most,
            };
    }

    /// By its worker. A call that nobody settled counts as all it could use.
    pub fn close(&mut self) -> Ending {
        self.end(State::Closed)
    }

    /// By somebody else, when its time is over or its worker is known to be gone.
    pub fn reclaim(&mut self) -> Result<Ending, Refusal> {
        if self.state != State::Open {
            return Err(Refusal::Over);
        }
        // `open` stays: it says what is only assumed, until somebody knows.
        let open = self.open;
        let ending = self.end(State::Reclaimed);
        self.open = open;
        Ok(ending)
    }

    /// What the call that was under way did use is known after all.
    pub fn amend(&mut self, used: Used) -> Result<Ending, Refusal> {
        let (State::Reclaimed, Some(assumed)) = (self.state, self.open.take()) else {
            return Err(Refusal::Over);
        };
        let known = match used {
            Used::Nothing => Amount::NOTHING,
            Used::Counted(amount) => amount,
            Used::Unknown => assumed,
        };
        let change = known - assumed;
        self.used = self.used + change;
        Ok(Ending { taken: change, spent: change })
    }

    fn end(&mut self, state: State) -> Ending {
        self.settle(Used::Unknown);
        self.state = state;
        Ending { taken: self.used - self.held, spent: self.used }
    }
}

/// How much to hold when so much is needed now and so much is free: a few calls' worth, but never
/// more than an eighth of what is free, so that those side by side do not starve each other.
pub fn chunk(need: Amount, calls: u16, free: Amount) -> Amount {
    let part = Amount::new(free.tokens / 8, free.micros / 8);
    let calls = i64::from(calls.max(1));
    let wish = Amount::new(need.tokens.saturating_mul(calls), need.micros.saturating_mul(calls));
    wish.least(part).most(need)
}
