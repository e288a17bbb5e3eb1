//! `POST /v1/conversations/{id}/speaker`: a person names who speaks next in a room that waits for it.

use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::http::{Json, Path};
use shared::{App, Caller, Error, Result};
use uuid::Uuid;

use crate::queries::waits;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpeakerRequest {
    /// The turn that the room waits for, as its event `room.waits` says.
    turn: i32,
    /// The room within that waits, as the event says; the room itself when absent.
    #[serde(default)]
    path: String,
    /// One of the event's `candidates`.
    member: String,
}

/// Who was named.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Speaker {
    pub conversation_id: Uuid,
    pub turn: i32,
    pub member: String,
}

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(request): Json<SpeakerRequest>,
) -> Result<Json<Speaker>> {
    let SpeakerRequest { turn, path, member } = request;
    let named = app.db()?.tenant(caller.tenant, async |tx| {
        let Some(wait) = waits::open(tx, (id, turn, &path)).await? else {
            return Err(Error::Conflict(format!("the room does not wait for its turn {turn}")));
        };
        match wait.member {
            // Asked twice is asked once.
            Some(before) if before == member => return Ok(()),
            Some(before) => {
                return Err(Error::Conflict(format!("`{before}` was named for this turn before")));
            }
            None => {}
        }
        if !wait.candidates.contains(&member) {
            let may = wait.candidates.join(", ");
            return Err(Error::Invalid(format!("`{member:.100}` may not speak now; may: {may}")));
        }
        shared::audit::record(tx, &caller, "room.speaker_named", id).await?;
        if waits::name(tx, (id, turn, &path), &member, caller.user).await? {
            return Ok(());
        }
        Err(Error::Conflict("somebody else was faster: another member was named".into()))
    });
    named.await?;
    Ok(Json(Speaker { conversation_id: id, turn, member }))
}
