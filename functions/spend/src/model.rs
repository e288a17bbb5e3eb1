//! What is spent, on whose account, and when it is enough. Integers throughout: tokens, and
//! millionths of a US dollar.

use std::fmt;
use std::ops::{Add, Sub};

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// More is a mistake: a trillion tokens, a million dollars.
pub const MOST: i64 = 1_000_000_000_000;

#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SpendAmount")]
pub struct Amount {
    pub tokens: i64,
    /// Millionths of a US dollar.
    pub micros: i64,
}

impl Amount {
    pub const NOTHING: Self = Self { tokens: 0, micros: 0 };

    pub fn new(tokens: i64, micros: i64) -> Self {
        Self { tokens, micros }
    }

    /// In both.
    pub fn fits(self, within: Self) -> bool {
        self.tokens <= within.tokens && self.micros <= within.micros
    }

    #[must_use]
    pub fn least(self, other: Self) -> Self {
        Self::new(self.tokens.min(other.tokens), self.micros.min(other.micros))
    }

    #[must_use]
    pub fn most(self, other: Self) -> Self {
        Self::new(self.tokens.max(other.tokens), self.micros.max(other.micros))
    }

    pub fn is_valid(self) -> bool {
        (0..=MOST).contains(&self.tokens) && (0..=MOST).contains(&self.micros)
    }
}

impl Add for Amount {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self::new(
            self.tokens.saturating_add(other.tokens),
            self.micros.saturating_add(other.micros),
        )
    }
}

impl Sub for Amount {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self::new(
            self.tokens.saturating_sub(other.tokens),
            self.micros.saturating_sub(other.micros),
        )
    }
}

/// What may be spent in all. Without a number there is no cap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SpendCaps")]
pub struct Caps {
    #[serde(default)]
    pub tokens: Option<i64>,
    /// Millionths of a US dollar.
    #[serde(default)]
    pub micros: Option<i64>,
}

impl Caps {
    /// What is left of them when so much is taken.
    pub fn left(self, taken: Amount) -> Amount {
        let left = |cap: Option<i64>, taken: i64| cap.map_or(MOST, |cap| (cap - taken).max(0));
        Amount::new(left(self.tokens, taken.tokens), left(self.micros, taken.micros))
    }

    pub fn is_valid(self) -> bool {
        [self.tokens, self.micros].into_iter().flatten().all(|cap| (0..=MOST).contains(&cap))
    }
}

/// On whose account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    Run(Uuid),
    Agent(Uuid),
    User(Uuid),
    Tenant,
    /// The tenant's, on one day of UTC.
    Day(Date),
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Run(_) => "run",
            Self::Agent(_) => "agent",
            Self::User(_) => "user",
            Self::Tenant => "tenant",
            Self::Day(_) => "day",
        })
    }
}

/// Who a call is made for: each of them has an account, and the day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    pub tenant: Uuid,
    pub run: Uuid,
    /// None when a room asks a model who speaks: nobody speaks yet.
    pub agent: Option<Uuid>,
    pub user: Uuid,
}

impl Party {
    pub fn scopes(&self, day: Date) -> Vec<Scope> {
        let mut scopes = vec![Scope::Run(self.run)];
        scopes.extend(self.agent.map(Scope::Agent));
        scopes.extend([Scope::User(self.user), Scope::Tenant, Scope::Day(day)]);
        scopes
    }
}

/// What a call is for, so that whoever finds its lease can find it on the bill.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    pub name: String,
    /// What calls of the same name have used before it: they are one line of the bill.
    pub before: Amount,
}

/// One account. `taken` is what was spent and what is held; it never passes the caps, unless they
/// were lowered since, or somebody used more than they had said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    pub caps: Caps,
    /// What each day's account of a tenant is capped by.
    pub daily: Caps,
    pub taken: Amount,
    pub spent: Amount,
    /// Why nothing may begin any more.
    pub stopped: Option<String>,
}

impl Account {
    pub fn held(&self) -> Amount {
        self.taken - self.spent
    }

    pub fn left(&self) -> Amount {
        self.caps.left(self.taken)
    }

    /// Whether so much may be held in addition.
    pub fn allows(&self, scope: &Scope, need: Amount) -> Result<(), Stop> {
        if let Some(reason) = &self.stopped {
            return Err(Stop::Switched { scope: scope.clone(), reason: reason.clone() });
        }
        let (left, held) = (self.left(), self.held());
        let over = |unit, cap: Option<i64>, need, left, held| match cap {
            Some(cap) if need > left => {
                Err(Stop::Capped { scope: scope.clone(), unit, cap, left, held, need })
            }
            _ => Ok(()),
        };
        over(Unit::Tokens, self.caps.tokens, need.tokens, left.tokens, held.tokens)?;
        over(Unit::Micros, self.caps.micros, need.micros, left.micros, held.micros)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Tokens,
    Micros,
}

/// Why a call may not begin: which cap, how much is left, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    #[error("{}", capped(scope, *unit, *cap, *left, *held, *need))]
    Capped { scope: Scope, unit: Unit, cap: i64, left: i64, held: i64, need: i64 },
    #[error(
        "spending of this {} is switched off ({reason}): no call begins until somebody switches it \
         on again with PUT /v1/spend/switch",
        whose(scope)
    )]
    Switched { scope: Scope, reason: String },
}

impl Stop {
    /// Calls under way may give enough back: coming again later can help.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Capped { left, held, need, .. } if left + held >= *need)
    }

    pub fn error(self) -> shared::Error {
        let said = self.to_string();
        match self {
            _ if self.may_pass() => shared::Error::SpendHeld(said),
            Self::Capped { .. } => shared::Error::SpendCapReached(said),
            Self::Switched { .. } => shared::Error::SpendStopped(said),
        }
    }
}

fn whose(scope: &Scope) -> &'static str {
    match scope {
        Scope::Run(_) => "run",
        Scope::Agent(_) => "agent",
        Scope::User(_) => "user",
        Scope::Tenant | Scope::Day(_) => "organization",
    }
}

fn capped(scope: &Scope, unit: Unit, cap: i64, left: i64, held: i64, need: i64) -> String {
    let name = match unit {
        Unit::Tokens => "tokens",
        Unit::Micros => "millionths of a dollar",
    };
    let wait = if left + held >= need { "wait for them, " } else { "" };
    let day = if matches!(scope, Scope::Day(_)) { "wait for tomorrow (UTC), " } else { "" };
    format!(
        "the {scope}'s cap of {cap} {name} is reached: {left} left, {held} held by calls under way, \
         and this call may need {need}; {wait}{day}raise the cap, or ask for a shorter answer"
    )
}

#[cfg(test)]
mod tests {
    use super::{Account, Amount, Caps, Scope, Stop};

    #[test]
    fn a_stop_says_which_cap_how_much_is_left_and_what_to_do() {
        let caps = Caps { micros: Some(1_000_000), ..Caps::default() };
        let spent = Amount::new(9_000, 960_000);
        let account = Account { caps, taken: spent, spent, ..Account::default() };
        let stop = account.allows(&Scope::Tenant, Amount::new(1, 50_000)).unwrap_err();
        let said = stop.to_string();
        for part in ["tenant's cap of 1000000", "40000 left", "50000", "raise the cap"] {
            assert!(said.contains(part), "{said}");
        }
        assert!(!stop.may_pass());
        assert_eq!(account.allows(&Scope::Tenant, Amount::new(1, 40_000)), Ok(()));
    }

    #[test]
    fn what_is_switched_off_stays_off_whatever_is_left() {
        let account = Account { stopped: Some("runaway".into()), ..Account::default() };
        let stop = account.allows(&Scope::Tenant, Amount::NOTHING).unwrap_err();
        assert!(matches!(stop, Stop::Switched { .. }));
        assert_eq!(stop.error().name(), "SpendStopped");
    }
}
