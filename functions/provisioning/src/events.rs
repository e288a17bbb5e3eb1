//! Queue `directory-events`: what happened at the issuer, in whatever order and however often.
//!
//! They come by the issuer's event stream, EventBridge and SQS: who may write to the queue is AWS's
//! to say, so nothing is proven here, and there is no webhook to guard.
//!
//! First an event's facts are put on record, then they are put into force (see [`crate::settle`]),
//! and only then it counts as dealt with. Whoever dies between two of these does all of it again,
//! which changes nothing.

use serde::Deserialize;
use serde_json::Value;
use shared::auth::tenant_id;
use shared::{App, Error, Result};

use crate::facts::Event;
use crate::{queries, settle};

/// A message is the event, or EventBridge's envelope around it.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Message(Value);

/// What the issuer says of people who may be in many organizations is kept under no organization's
/// id: no token can have an empty one.
const NOWHERE: &str = "";

pub async fn handle(app: App, Message(message): Message) -> Result<()> {
    let inner = if message["detail"].is_object() { message["detail"].clone() } else { message };
    let event: Event = serde_json::from_value(inner)
        .map_err(|error| Error::Invalid(format!("the event: {error}")))?;
    let Some(told) = event.told()? else { return Ok(()) };
    let everywhere = tenant_id(NOWHERE);
    let db = app.db()?;
    if db.tenant(everywhere, async |tx| queries::is_seen(tx, &event.id).await).await? {
        return Ok(());
    }
    // On record before anybody looks: of two who learn of one person at the same moment, one at
    // the latest sees both.
    let home = told.org_id.as_deref().map_or(everywhere, tenant_id);
    db.tenant(home, async |tx| queries::learn(tx, &told.sub, &told.facts).await).await?;
    let general = db.tenant(everywhere, async |tx| queries::facts(tx, &told.sub).await).await?;
    let organizations = match &told.org_id {
        Some(org_id) => vec![org_id.clone()],
        None => db.system(async |tx| queries::organizations_of(tx, &told.sub).await).await?,
    };
    for org_id in organizations {
        settle::person(app, &org_id, &told.sub, &general).await?;
    }
    db.tenant(everywhere, async |tx| queries::seen(tx, &event.id).await).await
}
