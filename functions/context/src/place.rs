//! Whose an entry is, and who may see and change it: one's own layer is nobody else's, and what
//! every agent of the organization is told needs a permission of its own.

use shared::db::Tx;
use shared::{Caller, Error, Result};
use uuid::Uuid;

use crate::model::{Broken, Layer};
use crate::queries;

/// The permission for the layer `tenant`.
pub const EVERYBODYS: &str = "context:tenant";

impl From<Broken> for Error {
    fn from(Broken(rule): Broken) -> Self {
        Self::Invalid(rule)
    }
}

/// A layer and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub layer: Layer,
    pub owner: Uuid,
}

/// Where the caller means, if it is there and theirs to see.
pub async fn find(
    tx: &Tx<'_>,
    caller: &Caller,
    layer: Layer,
    owner: Option<Uuid>,
) -> Result<Place> {
    let owner = match (layer, owner) {
        (Layer::Tenant, None) => caller.tenant,
        (Layer::User, None) => caller.user,
        (Layer::Workflow | Layer::Session, Some(owner)) => {
            queries::owner_exists(tx, layer, owner).await?;
            owner
        }
        (Layer::Workflow | Layer::Session, None) => {
            let missing = "owner is missing: the id of the workflow, the run or the conversation";
            return Err(Error::Invalid(missing.into()));
        }
        (Layer::Tenant | Layer::User, Some(_)) => {
            let given = "leave owner out: the organization and you follow from your token";
            return Err(Error::Invalid(given.into()));
        }
        (Layer::Global, _) => {
            return Err(Error::Invalid("the global layer comes with the product".into()));
        }
    };
    Ok(Place { layer, owner })
}

impl Place {
    /// Somebody else's own layer is nothing.
    pub fn seen_by(self, caller: &Caller) -> Result<Self> {
        if self.layer == Layer::User && self.owner != caller.user {
            return Err(Error::NotFound);
        }
        Ok(self)
    }

    pub fn changed_by(self, caller: &Caller) -> Result<Self> {
        if self.layer == Layer::Tenant && !caller.may(EVERYBODYS) {
            let needs = format!("what every agent is told needs the permission `{EVERYBODYS}`");
            return Err(Error::Forbidden(needs));
        }
        self.seen_by(caller)
    }
}
