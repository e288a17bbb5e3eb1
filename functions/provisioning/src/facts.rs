//! What the issuer said of somebody, as facts that only grow.
//!
//! Events come in any order and more than once. Of each kind of fact the newest is kept, by the time
//! at which it happened; two pieces of knowledge are joined by taking the newer of each. So the
//! order of arrival cannot matter, and a second arrival changes nothing.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::{Error, Result};

/// When something happened: a text that sorts. Empty: never.
pub type Stamp = String;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// What we keep of the newest profile: e-mail address, name, whether they are blocked.
    pub profile: Value,
    pub profile_at: Stamp,
    pub created_at: Stamp,
    pub deleted_at: Stamp,
    pub joined_at: Stamp,
    pub left_at: Stamp,
}

/// How somebody stands in an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Active,
    Blocked,
    Removed,
}

impl Standing {
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Blocked => "blocked",
            Self::Removed => "removed",
        }
    }
}

impl Facts {
    #[must_use]
    pub fn joined_with(self, other: Self) -> Self {
        let (profile, profile_at) = if other.profile_at > self.profile_at {
            (other.profile, other.profile_at)
        } else {
            (self.profile, self.profile_at)
        };
        Self {
            profile,
            profile_at,
            created_at: self.created_at.max(other.created_at),
            deleted_at: self.deleted_at.max(other.deleted_at),
            joined_at: self.joined_at.max(other.joined_at),
            left_at: self.left_at.max(other.left_at),
        }
    }

    /// Nobody comes back from a deletion but by being created after it: an older profile that
    /// arrives late is no life.
    pub fn standing(&self) -> Standing {
        let deleted = !self.deleted_at.is_empty() && self.created_at <= self.deleted_at;
        let left = self.left_at > self.joined_at;
        if deleted || left {
            Standing::Removed
        } else if self.profile["blocked"] == true && self.profile_at > self.deleted_at {
            Standing::Blocked
        } else {
            Standing::Active
        }
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.profile[name].as_str().filter(|text| !text.is_empty())
    }
}

/// One event of the stream, as far as we read it: a `CloudEvent`.
#[derive(Debug, Deserialize)]
pub struct Event {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub time: Timestamp,
    pub data: Data,
}

#[derive(Debug, Deserialize)]
pub struct Data {
    pub object: Value,
    /// Orders what happened at one time, where the issuer gives it.
    #[serde(default)]
    pub version: u64,
}

/// Of whom an event tells, where, and what.
#[derive(Debug)]
pub struct Told {
    pub sub: String,
    /// Of one organization only; otherwise of the person, wherever they are.
    pub org_id: Option<String>,
    pub facts: Facts,
}

impl Event {
    /// `None`: an event that is none of our business.
    pub fn told(&self) -> Result<Option<Told>> {
        let stamp = format!("{:.9} {:020} {}", self.time, self.data.version, self.id);
        let object = &self.data.object;
        let profile = || {
            json!({
                "email": object["email"], "name": object["name"],
                "blocked": object["blocked"] == true,
            })
        };
        let (of, facts) = match self.kind.as_str() {
            "user.created" => {
                let (profile, at) = (profile(), stamp.clone());
                (object, Facts { profile, profile_at: at, created_at: stamp, ..Facts::default() })
            }
            "user.updated" => {
                (object, Facts { profile: profile(), profile_at: stamp, ..Facts::default() })
            }
            "user.deleted" => (object, Facts { deleted_at: stamp, ..Facts::default() }),
            "organization.member.added" => {
                (&object["user"], Facts { joined_at: stamp, ..Facts::default() })
            }
            "organization.member.deleted" => {
                (&object["user"], Facts { left_at: stamp, ..Facts::default() })
            }
            _ => return Ok(None),
        };
        let text =
            |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let lacks = |what: &str| Error::Invalid(format!("the event {} has no {what}", self.id));
        let sub = text(&of["user_id"]).ok_or_else(|| lacks("user_id"))?;
        let org_id = text(&object["organization"]["id"]);
        if self.kind.starts_with("organization.") && org_id.is_none() {
            return Err(lacks("organization"));
        }
        Ok(Some(Told { sub, org_id, facts }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Event, Facts, Standing};

    fn event(second: u32, kind: &str, blocked: bool) -> Event {
        serde_json::from_value(json!({
            "id": format!("evt_{second}_{kind}"), "type": kind,
            "time": format!("2026-01-07T03:15:{second:02}Z"), "source": "x", "specversion": "1.0",
            "data": { "object": {
                "user_id": "auth0|1", "email": "a@b.c", "blocked": blocked,
                "organization": { "id": "org_1" }, "user": { "user_id": "auth0|1" } } },
        }))
        .unwrap()
    }

    fn standing(events: &[Event]) -> Standing {
        let facts = events.iter().map(|event| event.told().unwrap().unwrap().facts);
        facts.fold(Facts::default(), Facts::joined_with).standing()
    }

    #[test]
    fn a43_no_order_of_arrival_brings_anybody_back() {
        let created = || event(1, "user.created", false);
        let deleted = || event(5, "user.deleted", false);
        let late = || event(6, "user.updated", false);
        for order in [
            [created(), deleted(), late()],
            [late(), deleted(), created()],
            [deleted(), late(), created()],
            [deleted(), created(), late()],
        ] {
            assert_eq!(standing(&order), Standing::Removed);
        }
        let again = || event(7, "user.created", false);
        assert_eq!(standing(&[again(), late(), deleted(), created()]), Standing::Active);
        let blocked = event(8, "user.updated", true);
        assert_eq!(standing(&[blocked, again(), deleted()]), Standing::Blocked);
        let left = event(9, "organization.member.deleted", false);
        assert_eq!(
            standing(&[left, event(3, "organization.member.added", false)]),
            Standing::Removed
        );
    }
}
