//! Roles, members and keys, as the API shows them and takes them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::auth::roles::catalogue;
use shared::{Error, Result};
use uuid::Uuid;

/// Roles somebody may have, and permissions of a role or key: more is a mistake.
const MOST: usize = 100;

/// Everything that can be permitted, and the roles that every organization finds ready.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Catalogue {
    /// What each permission is for.
    pub permissions: BTreeMap<String, String>,
    /// The product's roles by their name in a member's `roles`.
    pub roles: BTreeMap<String, ProductRole>,
}

/// A role that the product brings; it cannot be changed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ProductRole {
    pub name: String,
    pub description: String,
    pub permissions: Vec<String>,
}

/// A role of the organization's own.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Role {
    pub id: Uuid,
    /// What a member's `roles` call it; it never changes.
    pub slug: String,
    pub name: String,
    pub description: String,
    pub permissions: Vec<String>,
    /// Give this back when changing the role: it guards against lost updates.
    pub revision: i32,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRole {
    /// Lower-case letters, digits and `-`, at most 50; not the name of a role of the product.
    pub slug: String,
    pub name: String,
    #[serde(default)]
    pub description: String,
    /// None that you do not hold yourself.
    pub permissions: Vec<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangedRole {
    pub name: String,
    #[serde(default)]
    pub description: String,
    /// None that you do not hold yourself.
    pub permissions: Vec<String>,
    /// The role's `revision` as you read it.
    pub revision: i32,
}

/// Somebody who has used Cadre, or was given roles in it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Member {
    pub id: Uuid,
    /// The subject of their tokens.
    pub sub: String,
    /// `active`, `blocked` or `removed`.
    pub state: String,
    /// What their token permits is cut down to what these permit; empty leaves all of it.
    pub roles: Vec<String>,
    pub created_at: Timestamp,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GivenRoles {
    /// All of the member's roles from now on. Somebody who was removed is let in again by this.
    pub roles: Vec<String>,
}

/// An API key; its secret is shown when it is made and never again.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ApiKey {
    pub id: Uuid,
    pub name: String,
    /// The last characters of the key, to tell it by.
    pub hint: String,
    /// The member whom it acts for; with them it loses what they lose.
    pub owner: Uuid,
    pub permissions: Vec<String>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    /// True to five minutes; null when it never was.
    pub last_used_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct FreshKey {
    #[serde(flatten)]
    pub key: ApiKey,
    /// Send this as `Authorization: Bearer …`. It is shown this once.
    pub secret: String,
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// What it is for.
    pub name: String,
    /// None that you do not hold yourself.
    pub permissions: Vec<String>,
    /// 1 to 365; 90 when absent.
    pub expires_in_days: Option<i32>,
}

impl NewRole {
    pub fn check(&self) -> Result<()> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let good = self.slug.starts_with(|c: char| c.is_ascii_lowercase());
        if !good || self.slug.len() > 50 || !self.slug.chars().all(plain) {
            let rule = "slug has lower-case letters, digits and `-`, at most 50";
            return Err(Error::Invalid(format!("{rule}, and begins with a letter")));
        }
        if catalogue()?.roles.contains_key(&self.slug) {
            let taken = format!("`{}` is a role of the product: choose another slug", self.slug);
            return Err(Error::Conflict(taken));
        }
        text("name", &self.name)?;
        described(&self.description)?;
        known(&self.permissions)
    }
}

impl ChangedRole {
    pub fn check(&self) -> Result<()> {
        text("name", &self.name)?;
        described(&self.description)?;
        known(&self.permissions)
    }
}

impl GivenRoles {
    pub fn check(&self) -> Result<()> {
        if self.roles.len() > MOST {
            return Err(Error::Invalid(format!("roles has more than {MOST} entries: give fewer")));
        }
        Ok(())
    }
}

impl NewKey {
    pub fn check(&self) -> Result<i32> {
        text("name", &self.name)?;
        known(&self.permissions)?;
        if self.permissions.is_empty() {
            let rule = "permissions is empty: name what the key is to be used for";
            return Err(Error::Invalid(rule.into()));
        }
        match self.expires_in_days.unwrap_or(90) {
            days @ 1..=365 => Ok(days),
            other => {
                Err(Error::Invalid(format!("expires_in_days is {other}; it must be 1 to 365")))
            }
        }
    }
}

fn text(field: &str, value: &str) -> Result<()> {
    let length = value.trim().chars().count();
    if length == 0 || length > 100 || value.contains(char::is_control) {
        return Err(Error::Invalid(format!("{field} must be 1 to 100 characters on one line")));
    }
    Ok(())
}

fn described(description: &str) -> Result<()> {
    if description.len() > 1_000 || description.contains('\0') {
        return Err(Error::Invalid("description may have 1,000 bytes: shorten it".into()));
    }
    Ok(())
}

fn known(permissions: &[String]) -> Result<()> {
    if permissions.len() > MOST {
        let rule = format!("permissions has more than {MOST} entries");
        return Err(Error::Invalid(format!("{rule}: name each one once")));
    }
    let all = &catalogue()?.permissions;
    match permissions.iter().find(|permission| !all.contains_key(*permission)) {
        Some(unknown) => Err(Error::Invalid(format!(
            "`{unknown:.60}` is no permission: `GET /v1/permissions` names them all"
        ))),
        None => Ok(()),
    }
}
