//! An account as people see it, and whose it is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::db::Tx;
use shared::{Caller, Error, Result};
use uuid::Uuid;

use crate::model::{self, Amount, Caps};
use crate::queries;
use crate::store::{Spend, day, now};

/// Longest reason of a switch, in bytes.
const LONGEST_REASON: usize = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "SpendScope")]
pub enum Kind {
    Run,
    Agent,
    User,
    /// The whole organization.
    Tenant,
    /// The organization, on one day of UTC.
    Day,
}

/// What was spent on one account, and what may be. Money is in millionths of a US dollar.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SpendAccount")]
pub struct View {
    pub scope: Kind,
    /// Of a run, an agent or a user; null for the organization.
    pub id: Option<Uuid>,
    /// The agent's slug, or the run's workflow.
    pub name: Option<String>,
    /// Of a day: which, as 2026-01-31.
    pub day: Option<String>,
    pub caps: Caps,
    /// By calls that have ended.
    pub used: Amount,
    /// By calls under way and those that may follow them; what is not used comes back.
    pub held: Amount,
    /// Why no call begins: somebody switched it off.
    pub stopped: Option<String>,
}

/// Somebody whose account it is.
#[derive(Clone, Debug)]
pub struct Owner {
    pub scope: model::Scope,
    pub name: Option<String>,
    /// Of a run: the caps it began with, which its record holds it to.
    pub caps: Caps,
}

impl Owner {
    pub fn of(scope: model::Scope) -> Self {
        Self { scope, name: None, caps: Caps::default() }
    }

    pub fn id(&self) -> Option<Uuid> {
        match self.scope {
            model::Scope::Run(id) | model::Scope::Agent(id) | model::Scope::User(id) => Some(id),
            model::Scope::Tenant | model::Scope::Day(_) => None,
        }
    }

    fn kind(&self) -> Kind {
        match self.scope {
            model::Scope::Run(_) => Kind::Run,
            model::Scope::Agent(_) => Kind::Agent,
            model::Scope::User(_) => Kind::User,
            model::Scope::Tenant => Kind::Tenant,
            model::Scope::Day(_) => Kind::Day,
        }
    }
}

/// Whom the caller means, if they are there.
pub async fn find(tx: &Tx<'_>, kind: Kind, id: Option<Uuid>) -> Result<Owner> {
    match (kind, id) {
        (Kind::Tenant, None) => Ok(Owner::of(model::Scope::Tenant)),
        (Kind::Day, None) => Ok(Owner::of(model::Scope::Day(day(now())?))),
        (Kind::Tenant | Kind::Day, Some(_)) => {
            let given = "leave id out: the organization follows from your token";
            Err(Error::Invalid(given.into()))
        }
        (_, None) => Err(Error::Invalid("id is missing: of the run, the agent or the user".into())),
        (kind, Some(id)) => queries::owner(tx, kind, id).await,
    }
}

/// What is on these accounts now.
pub async fn views(spend: &Spend<'_>, tenant: Uuid, owners: Vec<Owner>) -> Result<Vec<View>> {
    let scopes: Vec<_> = owners.iter().map(|owner| owner.scope.clone()).collect();
    let accounts = spend.accounts(tenant, &scopes).await?;
    let least = |one: Option<i64>, other: Option<i64>| one.into_iter().chain(other).min();
    let views = owners.into_iter().zip(accounts).map(|(owner, account)| View {
        scope: owner.kind(),
        id: owner.id(),
        day: match owner.scope {
            model::Scope::Day(day) => Some(day.to_string()),
            _ => None,
        },
        caps: Caps {
            tokens: least(account.caps.tokens, owner.caps.tokens),
            micros: least(account.caps.micros, owner.caps.micros),
        },
        used: account.spent,
        held: account.held(),
        stopped: account.stopped,
        name: owner.name,
    });
    Ok(views.collect())
}

/// One account as it is now.
pub async fn view(spend: &Spend<'_>, caller: &Caller, owner: Owner) -> Result<View> {
    let mut found = views(spend, caller.tenant, vec![owner]).await?;
    found.pop().ok_or(Error::NotFound)
}

pub fn check_reason(reason: &str) -> Result<()> {
    if reason.trim().is_empty() || reason.len() > LONGEST_REASON || reason.contains('\0') {
        let rule = format!("off is the reason, with 1 to {LONGEST_REASON} bytes, no NUL; or null");
        return Err(Error::Invalid(rule));
    }
    Ok(())
}
