//! What is kept as context, and who sees it: pure.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// Bytes of an entry's text, and of its schema.
const LONGEST_TEXT: usize = 64 * 1024;
const LONGEST_SCHEMA: usize = 16 * 1024;
/// Conditions of each kind in a rule.
const MOST_CONDITIONS: usize = 50;

/// A rule that was broken, in a sentence that says what to do.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct Broken(pub String);

pub type Result<T, E = Broken> = std::result::Result<T, E>;

/// From the general to the particular; what a later layer says of a name holds.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ContextLayer")]
pub enum Layer {
    /// Of the product, for everybody.
    Global,
    /// Of the organization.
    Tenant,
    /// Of a workflow, in each of its runs.
    Workflow,
    /// Of a person, in what they start.
    User,
    /// Of one conversation.
    Session,
}

impl Layer {
    pub const ALL: [Self; 5] =
        [Self::Global, Self::Tenant, Self::Workflow, Self::User, Self::Session];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Tenant => "tenant",
            Self::Workflow => "workflow",
            Self::User => "user",
            Self::Session => "session",
        }
    }

    pub fn parse(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|layer| layer.as_str() == name).ok_or_else(|| {
            Broken(format!("`{name:.20}` is no layer: tenant, workflow, user or session"))
        })
    }
}

/// What an entry is: how it is written into a prompt, and what outlives a shortage of room.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ContextKind")]
pub enum Kind {
    /// What was settled: the last to be left out.
    Decision,
    /// How the work is to be done.
    Instruction,
    /// A setting with a name and a value.
    Configuration,
    Preference,
    /// What nobody has answered yet.
    Question,
    Fact,
    State,
    Memory,
}

impl Kind {
    pub const ALL: [Self; 8] = [
        Self::Decision,
        Self::Instruction,
        Self::Configuration,
        Self::Preference,
        Self::Question,
        Self::Fact,
        Self::State,
        Self::Memory,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Decision => "decision",
            Self::Instruction => "instruction",
            Self::Configuration => "configuration",
            Self::Preference => "preference",
            Self::Question => "question",
            Self::Fact => "fact",
            Self::State => "state",
            Self::Memory => "memory",
        }
    }

    pub fn parse(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == name)
            .ok_or_else(|| Broken(format!("`{name:.20}` is no kind of entry")))
    }
}

/// When an entry goes into a prompt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", tag = "when", deny_unknown_fields)]
#[schemars(rename = "ContextLoad")]
pub enum Load {
    /// In every prompt of its layer.
    #[default]
    Always,
    /// When the turn is one of these; see [`Rule`].
    Rule { rule: Rule },
    /// When the task or the brief names it: `@name`.
    Reference,
    /// When it is among the best answers to what the turn is about.
    Query,
}

/// Every list that is not empty must hold. Data and not an expression: it cannot fail when a prompt
/// is built, and says which of its lists did not hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "ContextRule")]
pub struct Rule {
    /// The speaker is one of these agents, by slug.
    pub agents: Vec<String>,
    /// The turn is of one of these workflows, by slug.
    pub workflows: Vec<String>,
    /// The turn is of one of these steps.
    pub steps: Vec<String>,
    /// One of these is in the task or the brief: whole words, whatever their case.
    pub words: Vec<String>,
}

/// Who wrote an entry, and from what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ContextProvenance")]
pub struct Provenance {
    /// `person`, `agent`, `import` or `product`.
    pub from: Author,
    /// Where it was taken from, for people: a document, a message, an address.
    #[serde(default)]
    pub source: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ContextAuthor")]
pub enum Author {
    Person,
    Agent,
    Import,
    Product,
}

/// What is put, as the API takes it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewContextEntry")]
pub struct NewEntry {
    /// `tenant`, `workflow`, `user` or `session`; `global` is the product's own.
    pub layer: Layer,
    /// The workflow, the run or the conversation; none for the organization and for yourself.
    pub owner: Option<Uuid>,
    /// Lower-case letters, digits, `-`, `_` and `.`, at most 80. A name that is put again has a new
    /// value.
    pub name: String,
    pub kind: Kind,
    /// A text, or whatever `schema` allows.
    pub value: Value,
    /// A JSON Schema that this value, and every later one under the name, must fit.
    pub schema: Option<Value>,
    #[serde(default)]
    pub load: Load,
    /// `en`, `nl`, or another tag; how words are compared when it is searched.
    pub language: Option<String>,
    /// Where it was taken from, for people.
    pub source: Option<String>,
    pub expires_at: Option<Timestamp>,
    /// The version you read, 0 for none: a conflict when there is another by now.
    pub version: Option<i32>,
}

/// An entry on record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ContextEntry")]
pub struct Entry {
    pub id: Uuid,
    pub layer: Layer,
    pub owner: Option<Uuid>,
    pub name: String,
    pub kind: Kind,
    pub value: Value,
    pub schema: Option<Value>,
    pub load: Load,
    pub language: String,
    pub provenance: Provenance,
    /// 1, 2, 3 …: each time the name is put again.
    pub version: i32,
    pub expires_at: Option<Timestamp>,
    pub updated_at: Timestamp,
    /// Seen by a grant, and not one's own.
    #[serde(default)]
    pub granted: bool,
}

impl NewEntry {
    /// What can be told without looking anything up; the schema is [`crate::check`]'s.
    pub fn check(&self, now: Timestamp) -> Result<()> {
        name(&self.name)?;
        match (self.layer, self.owner) {
            (Layer::Global, _) => {
                return broken("the global layer comes with the product: put it into `tenant`");
            }
            (Layer::Workflow | Layer::Session, None) => {
                return broken("owner is missing: the id of the workflow or the conversation");
            }
            (Layer::Tenant | Layer::User, Some(_)) => {
                return broken("leave owner out: the tenant and you follow from your token");
            }
            _ => {}
        }
        if self.value.is_null() || text_of(&self.value).trim().is_empty() {
            return broken("value is empty: to end an entry, delete it");
        }
        bytes("value", &text_of(&self.value), LONGEST_TEXT)?;
        bytes("source", self.source.as_deref().unwrap_or_default(), 500)?;
        if let Some(schema) = &self.schema {
            if !schema.is_object() {
                return broken(
                    "schema is no JSON Schema: it is an object, such as `{\"type\": \"string\"}`",
                );
            }
            bytes("schema", &schema.to_string(), LONGEST_SCHEMA)?;
        }
        let plain = |tag: &str| {
            tag.len() <= 35 && tag.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        };
        if self.language.as_deref().is_some_and(|tag| tag.len() < 2 || !plain(tag)) {
            return broken("language is a tag such as `en` or `nl-BE`");
        }
        if self.expires_at.is_some_and(|at| at <= now) {
            return broken("expires_at has passed: give a later time, or none");
        }
        if let Load::Rule { rule } = &self.load {
            rule.check()?;
        }
        Ok(())
    }
}

impl Rule {
    fn check(&self) -> Result<()> {
        let lists = [&self.agents, &self.workflows, &self.steps, &self.words];
        if lists.iter().all(|list| list.is_empty()) {
            return broken("the rule has no condition: give one, or load the entry always");
        }
        if lists.iter().any(|list| list.len() > MOST_CONDITIONS) {
            return Err(Broken(format!("a list of a rule has more than {MOST_CONDITIONS} items")));
        }
        let empty = |text: &String| text.trim().is_empty() || text.len() > 100;
        if lists.iter().any(|list| list.iter().any(empty)) {
            return broken("a rule's items have 1 to 100 bytes");
        }
        Ok(())
    }
}

/// What an entry can be called.
pub fn name(name: &str) -> Result<()> {
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    // `@name.` at the end of a sentence is a reference to `name`.
    let ends = name.starts_with(letter) && name.ends_with(letter);
    if name.len() > 80 || !ends || !name.chars().all(|c| letter(c) || "-_.".contains(c)) {
        let rule = "name has lower-case letters, digits, `-`, `_` and `.`, at most 80";
        return Err(Broken(format!("{rule}, and begins and ends with a letter or digit")));
    }
    Ok(())
}

fn bytes(field: &str, text: &str, most: usize) -> Result<()> {
    if text.contains('\0') {
        return Err(Broken(format!("{field} must not contain the NUL character (U+0000)")));
    }
    if text.len() > most {
        return Err(Broken(format!("{field} may have {most} bytes: shorten it")));
    }
    Ok(())
}

fn broken<T>(rule: &str) -> Result<T> {
    Err(Broken(rule.to_owned()))
}

/// A value as a prompt has it: a text as it is, the rest as JSON.
pub fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
