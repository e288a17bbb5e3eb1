//! Reports of drift, as the API shows them.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Where the issuer and we differ, as of one night. Nothing was changed because of it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DriftReport")]
pub struct Report {
    pub id: Uuid,
    /// How many people were looked at, here and there.
    pub checked: i32,
    /// How many differences there are; the report names the first thousand.
    pub found: i32,
    pub differences: Vec<Difference>,
    pub created_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "DriftDifference")]
pub struct Difference {
    /// The issuer's subject.
    pub sub: String,
    /// `missing-here`, `missing-there`, `email`, `name` or `blocked`.
    pub kind: String,
    pub here: Option<String>,
    pub there: Option<String>,
}
