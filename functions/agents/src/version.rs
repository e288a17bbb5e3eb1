//! Semantic versions and names, as agents and workflows both use them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{Error, Result};

/// Lower-case letters, digits, `.`, `_` and `-`; 1 to 100 of them; starts with a letter or digit.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String")]
#[schemars(extend("pattern" = "^[a-z0-9][a-z0-9._-]{0,99}$"))]
pub struct Slug(String);

impl Slug {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Slug {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        let first = text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
        if first && text.len() <= 100 && text.chars().all(allowed) {
            return Ok(Self(text));
        }
        let rule =
            "lower-case letters, digits, `.`, `_` and `-`, at most 100, a letter or digit first";
        Err(Error::Invalid(format!("`{text:.100}` is not a name: use {rule}")))
    }
}

/// A semantic version (semver.org 2.0.0), for example 1.4.0.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Version(#[schemars(with = "String")] semver::Version);

impl Version {
    pub fn first() -> Self {
        Self(semver::Version::new(1, 0, 0))
    }
}

impl TryFrom<String> for Version {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        let version = semver::Version::parse(&text);
        version.map(Self).map_err(|e| {
            Error::Invalid(format!("`{text:.100}` is not a semantic version such as 1.4.0: {e}"))
        })
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.0.to_string()
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Bump {
    Major,
    Minor,
    #[default]
    Patch,
}

/// What a publication is to be called: an exact version, or a step up from the last.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewVersion {
    /// An exact version, above every published one.
    pub version: Option<Version>,
    /// Or a step up from the last: `patch` when absent. The first publication is 1.0.0.
    pub bump: Option<Bump>,
    /// Labels to move to this version, for example `prod`.
    #[serde(default)]
    pub labels: Vec<String>,
}

impl NewVersion {
    pub fn after(&self, last: Option<&Version>) -> Result<Version> {
        let next = match (&self.version, self.bump, last) {
            (Some(_), Some(_), _) => {
                return Err(Error::Invalid("give `version` or `bump`, not both".into()));
            }
            (Some(version), None, _) => version.clone(),
            (None, _, None) => return Ok(Version::first()),
            (None, bump, Some(last)) => last.bumped(bump.unwrap_or_default())?,
        };
        match last {
            Some(last) if next <= *last => Err(Error::Conflict(format!(
                "{next} is not above the published {last}: choose a higher version"
            ))),
            _ => Ok(next),
        }
    }
}

impl Version {
    pub fn bumped(&self, bump: Bump) -> Result<Self> {
        let semver::Version { major, minor, patch, .. } = self.0;
        let up = |number: u64| {
            let most = || format!("there is no number above {number}: give `version`");
            number.checked_add(1).ok_or_else(|| Error::Conflict(most()))
        };
        Ok(Self(match bump {
            Bump::Major => semver::Version::new(up(major)?, 0, 0),
            Bump::Minor => semver::Version::new(major, up(minor)?, 0),
            Bump::Patch => semver::Version::new(major, minor, up(patch)?),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::{Bump, NewVersion, Slug, Version};

    fn version(text: &str) -> Version {
        text.to_owned().try_into().unwrap()
    }

    #[test]
    fn versions_only_go_up() {
        let asked = |text: &str| NewVersion { version: Some(version(text)), ..Default::default() };
        assert!(asked("1.0.0").after(Some(&version("1.0.0"))).is_err());
        assert!(asked("0.9.0").after(Some(&version("1.0.0"))).is_err());
        assert_eq!(asked("2.0.0").after(Some(&version("1.0.0"))).unwrap(), version("2.0.0"));
        let bump = NewVersion { bump: Some(Bump::Minor), ..Default::default() };
        assert_eq!(bump.after(Some(&version("1.4.7"))).unwrap(), version("1.5.0"));
        assert_eq!(bump.after(None).unwrap(), version("1.0.0"));
    }

    #[test]
    fn a_slug_is_a_plain_name() {
        for good in ["a", "bmad-agent-pm", "4.x_y"] {
            assert!(Slug::try_from(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["", "-a", "A", "a b", "a/b", "é", &"a".repeat(101)] {
            assert!(Slug::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
