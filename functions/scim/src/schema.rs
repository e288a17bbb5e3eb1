//! What each attribute is: read from `schemas.json`, and found by whatever spelling a client uses.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;
use shared::{Error, Result};

pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// The two kinds of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    User,
    Group,
}

#[derive(Debug, Deserialize)]
pub struct Schema {
    pub id: String,
    pub attributes: Vec<Attribute>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attribute {
    pub name: String,
    #[serde(rename = "type")]
    pub form: Form,
    #[serde(default)]
    pub multi_valued: bool,
    #[serde(default)]
    pub required: bool,
    #[serde(default)]
    pub mutability: Mutability,
    #[serde(default)]
    pub case_exact: bool,
    #[serde(default)]
    pub sub_attributes: Vec<Attribute>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Form {
    String,
    Boolean,
    Reference,
    DateTime,
    Complex,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mutability {
    #[default]
    ReadWrite,
    ReadOnly,
    Immutable,
}

struct All {
    /// As `/Schemas` shows them.
    shown: Vec<Value>,
    schemas: Vec<Schema>,
    /// What every resource has beside its schema's attributes (RFC 7643, 3.1).
    common: Vec<Attribute>,
}

static ALL: LazyLock<anyhow::Result<All>> = LazyLock::new(|| {
    let shown: Vec<Value> = serde_json::from_str(include_str!("../schemas.json"))?;
    let schemas = serde_json::from_value(shown.clone().into())?;
    let common = serde_json::from_value(serde_json::json!([
        { "name": "id", "type": "string", "caseExact": true, "mutability": "readOnly" },
        { "name": "externalId", "type": "string", "caseExact": true },
        { "name": "schemas", "type": "reference", "multiValued": true, "mutability": "readOnly" },
        { "name": "meta", "type": "complex", "mutability": "readOnly", "subAttributes": [
            { "name": "resourceType", "type": "string", "caseExact": true },
            { "name": "created", "type": "dateTime" },
            { "name": "lastModified", "type": "dateTime" },
            { "name": "location", "type": "reference" },
            { "name": "version", "type": "string", "caseExact": true } ] },
    ]))?;
    Ok(All { shown, schemas, common })
});

fn all() -> Result<&'static All> {
    ALL.as_ref().map_err(|error| Error::Internal(anyhow::anyhow!("schemas.json: {error}")))
}

pub fn shown() -> Result<&'static [Value]> {
    Ok(&all()?.shown)
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
        }
    }

    pub fn of(name: &str) -> Self {
        if name.eq_ignore_ascii_case("group") { Self::Group } else { Self::User }
    }

    /// As the record calls it.
    pub fn column(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
        }
    }

    /// Relative, as RFC 7643 allows: which name the client reached us by is its own business.
    pub fn location(self, id: &str) -> String {
        format!("/scim/v2/{}s/{id}", self.name())
    }

    pub fn core(self) -> &'static str {
        match self {
            Self::User => USER,
            Self::Group => GROUP,
        }
    }

    pub fn extension(self) -> Option<&'static str> {
        (self == Self::User).then_some(ENTERPRISE)
    }

    /// The attributes of one of its schemas, or those of every resource.
    pub fn attributes(self, urn: &str) -> Result<&'static [Attribute]> {
        let schema = all()?.schemas.iter().find(|schema| schema.id == urn);
        Ok(schema.map_or(&[], |schema| schema.attributes.as_slice()))
    }
}

pub fn common() -> Result<&'static [Attribute]> {
    Ok(&all()?.common)
}

impl Attribute {
    pub fn sub(&self, name: &str) -> Option<&Self> {
        self.sub_attributes.iter().find(|sub| sub.name.eq_ignore_ascii_case(name))
    }
}

/// Where a path leads: `urn:…:User:name.familyName`, in any case of letters.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The extension that it is in.
    pub extension: Option<&'static str>,
    /// `None`: the extension as a whole.
    pub attribute: Option<&'static Attribute>,
    pub sub: Option<&'static Attribute>,
}

/// `None` when no such attribute is known.
pub fn place(kinds: &[Kind], path: &str) -> Result<Option<Place>> {
    for kind in kinds {
        if let Some(place) = place_of(*kind, path)? {
            return Ok(Some(place));
        }
    }
    Ok(None)
}

fn place_of(kind: Kind, path: &str) -> Result<Option<Place>> {
    let within = |urn: &str| {
        let head = path.get(..urn.len()).filter(|head| head.eq_ignore_ascii_case(urn))?;
        Some(&path[head.len()..])
    };
    if let Some((urn, rest)) = kind.extension().and_then(|urn| Some((urn, within(urn)?))) {
        if rest.is_empty() {
            return Ok(Some(Place { extension: Some(urn), attribute: None, sub: None }));
        }
        let Some(name) = rest.strip_prefix(':') else { return Ok(None) };
        return Ok(named(kind.attributes(urn)?, name, Some(urn)));
    }
    let name = within(kind.core()).map_or(Some(path), |rest| rest.strip_prefix(':'));
    let Some(name) = name else { return Ok(None) };
    let own = named(kind.attributes(kind.core())?, name, None);
    Ok(own.or(named(common()?, name, None)))
}

fn named(
    attributes: &'static [Attribute],
    name: &str,
    extension: Option<&'static str>,
) -> Option<Place> {
    let (name, sub) = name.split_once('.').map_or((name, None), |(name, sub)| (name, Some(sub)));
    let attribute = attributes.iter().find(|one| one.name.eq_ignore_ascii_case(name))?;
    let sub = match sub {
        Some(sub) => Some(attribute.sub(sub)?),
        None => None,
    };
    Some(Place { extension, attribute: Some(attribute), sub })
}

#[cfg(test)]
mod tests {
    use super::{ENTERPRISE, Kind, place};

    #[test]
    fn a47_a_path_is_found_in_any_case_and_under_its_schemas_name() {
        let found = |path: &str| place(&[Kind::User], path).unwrap();
        for path in ["userName", "USERNAME", "urn:ietf:params:scim:schemas:core:2.0:User:username"]
        {
            assert_eq!(found(path).unwrap().attribute.unwrap().name, "userName", "{path}");
        }
        let family = found("name.FAMILYname").unwrap();
        assert_eq!(family.sub.unwrap().name, "familyName");
        let department = found(&format!("{ENTERPRISE}:department")).unwrap();
        assert_eq!(department.extension, Some(ENTERPRISE));
        assert!(found(ENTERPRISE).unwrap().attribute.is_none());
        assert!(found("meta.lastModified").is_some() && found("externalid").is_some());
        for path in ["", "nothing", "name.nothing", "urn:x:userName", "members"] {
            assert!(found(path).is_none(), "{path}");
        }
        assert!(place(&[Kind::User, Kind::Group], "members").unwrap().is_some());
    }
}
