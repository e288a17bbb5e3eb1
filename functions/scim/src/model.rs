//! Resources as they are kept, and as lists and searches show them.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::http::{Match, Scim};
use shared::{Error, Result};
use uuid::Uuid;

use crate::schema::Kind;

/// Most resources on a page.
pub const LARGEST_PAGE: i64 = 200;
const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

/// A user or a group.
#[derive(Clone, Debug)]
pub struct Resource {
    pub id: Uuid,
    pub kind: Kind,
    /// Attributes in their own spelling; without `id`, `meta` and what others imply.
    pub kept: Map<String, Value>,
    /// The issuer's subject, once it is known.
    pub sub: Option<String>,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Resource {
    /// A weak one: what is shown also tells of other resources.
    pub fn tag(&self) -> String {
        format!("W/\"{}\"", self.version)
    }

    /// Only the version that the client has seen is changed (RFC 7644, 3.14).
    pub fn check(&self, wanted: &Match) -> Result<()> {
        if wanted.only.as_deref().is_none_or(|tags| names(tags, &self.tag())) {
            return Ok(());
        }
        Err(Error::PreconditionFailed(format!(
            "somebody changed it meanwhile, it is at {}: read it again",
            self.tag()
        )))
    }

    pub fn is_known(&self, wanted: &Match) -> bool {
        wanted.none.as_deref().is_some_and(|tags| names(tags, &self.tag()))
    }

    pub fn active(&self) -> bool {
        self.kept.get("active") != Some(&false.into())
    }
}

fn names(tags: &str, tag: &str) -> bool {
    let bare = |text: &str| text.trim().trim_start_matches("W/").to_owned();
    tags.split(',').any(|one| one.trim() == "*" || bare(one) == bare(tag))
}

/// Which part of a resource is asked for.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub struct Shown {
    /// Names with commas between them; all when absent.
    pub attributes: Option<String>,
    /// Names with commas between them.
    #[serde(rename = "excludedAttributes")]
    pub excluded: Option<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
pub struct Query {
    /// RFC 7644, section 3.4.2.2, for example `userName eq "ada@example.com"`.
    pub filter: Option<String>,
    /// The first is 1.
    #[serde(rename = "startIndex")]
    pub start: Option<i64>,
    /// At most 200; 100 when absent.
    pub count: Option<i64>,
    pub attributes: Option<String>,
    #[serde(rename = "excludedAttributes")]
    pub excluded: Option<String>,
}

/// The same in a body, where names are a list.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub struct Search {
    #[serde(default)]
    pub schemas: Vec<String>,
    pub filter: Option<String>,
    #[serde(rename = "startIndex")]
    pub start: Option<i64>,
    pub count: Option<i64>,
    #[serde(default)]
    pub attributes: Vec<String>,
    #[serde(rename = "excludedAttributes", default)]
    pub excluded: Vec<String>,
}

impl Query {
    pub fn shown(&self) -> Shown {
        Shown { attributes: self.attributes.clone(), excluded: self.excluded.clone() }
    }

    /// How many are skipped, and how many are shown.
    pub fn window(&self) -> (i64, i64) {
        let skip = self.start.unwrap_or(1).max(1) - 1;
        (skip, self.count.unwrap_or(100).clamp(0, LARGEST_PAGE))
    }
}

impl From<Search> for Query {
    fn from(search: Search) -> Self {
        let joined = |names: Vec<String>| (!names.is_empty()).then(|| names.join(","));
        Self {
            filter: search.filter,
            start: search.start,
            count: search.count,
            attributes: joined(search.attributes),
            excluded: joined(search.excluded),
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct List {
    pub schemas: Vec<String>,
    #[serde(rename = "totalResults")]
    pub total: i64,
    #[serde(rename = "startIndex")]
    pub start: i64,
    #[serde(rename = "itemsPerPage")]
    pub shown: usize,
    #[serde(rename = "Resources")]
    pub resources: Vec<Value>,
}

impl List {
    pub fn new(resources: Vec<Value>, total: i64, start: i64) -> Scim<Self> {
        let shown = resources.len();
        Scim::ok(Self { schemas: vec![LIST.into()], total, start, shown, resources })
    }
}
