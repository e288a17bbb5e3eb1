//! What a document is.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

#[derive(Debug, Serialize, JsonSchema)]
pub struct Document {
    pub id: Uuid,
    pub run_id: Uuid,
    pub step_id: String,
    /// A plain file name, unique in its run.
    pub name: String,
    pub media_type: String,
    pub bytes: i32,
    /// SHA-256 of the content.
    pub digest: String,
    pub created_at: Timestamp,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct DocumentWithContent {
    #[serde(flatten)]
    pub document: Document,
    pub content: String,
}
