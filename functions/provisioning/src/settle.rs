//! Puts what is known of somebody into force in one organization.

use shared::auth::{Caller, tenant_id};
use shared::{App, Result};
use uuid::Uuid;

use crate::deprovision;
use crate::facts::{Facts, Standing};
use crate::queries;

/// Joins what is known everywhere to what is known here, under the lock of the person's row, so
/// that an older look cannot undo what a newer one found.
pub async fn person(app: App, org_id: &str, sub: &str, general: &Facts) -> Result<()> {
    let caller = issuer(org_id);
    let tenant = caller.tenant;
    let stopped = app.db()?.tenant(tenant, async |tx| {
        queries::learn(tx, sub, general).await?;
        let (facts, applied) = queries::lock_person(tx, sub).await?;
        let standing = facts.standing();
        queries::mirror(tx, &caller, sub, &facts).await?;
        if applied == standing.name() || (applied.is_empty() && standing == Standing::Active) {
            return Ok(None);
        }
        queries::applied(tx, sub, standing.name()).await?;
        match standing {
            Standing::Active if queries::may_come_in(tx, sub).await? => {
                deprovision::let_in(tx, &caller, sub).await.map(Some)
            }
            Standing::Active => Ok(None),
            other => deprovision::on_record(tx, &caller, sub, other.name()).await.map(Some),
        }
    });
    if let Some(stopped) = stopped.await? {
        stopped.at_once(app, tenant).await;
    }
    Ok(())
}

/// In whose name the issuer's word is carried out: it holds no permission and opens no door.
pub fn issuer(org_id: &str) -> Caller {
    let tenant = tenant_id(org_id);
    let sub = "system|issuer".to_owned();
    let user = Uuid::new_v5(&tenant, sub.as_bytes());
    Caller::internal(tenant, org_id, sub, user)
}
