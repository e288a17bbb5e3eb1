//! `GET /v1/runs/{id}/stream`: a run as it happens, as server-sent events; a cut goes on where it was.

use std::sync::Arc;

use axum::extract::State;
use futures_util::stream::{Stream, unfold};
use shared::http::{Events, LastEventId, Path, Stay};
use shared::{App, Caller, Error, Result};
use tokio::sync::watch;
use uuid::Uuid;

use crate::live::hub::Hub;
use crate::live::position::Position;
use crate::live::reader::Reader;
use crate::live::told::StreamEvent;
use crate::queries::live;

/// Events at a time, for those who come late.
const PAGE: i64 = 32;

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    LastEventId(last): LastEventId,
    stay: Stay,
) -> Result<Events<StreamEvent>> {
    let db = app.db()?;
    let newest = db.tenant(caller.tenant, async |tx| live::last_event(tx, id).await).await?;
    let position = last.as_deref().map(Position::parse).transpose()?.unwrap_or_default();
    if position.after > newest {
        let elsewhere = "Last-Event-ID is not of this run: leave it out to begin at its beginning";
        return Err(Error::Invalid(elsewhere.into()));
    }
    let hub = Hub::of(app, caller.tenant, id).await?;
    let reader = Reader::at(position, Arc::clone(&hub.steps));
    let changes = hub.changes();
    let following = Following { app, tenant: caller.tenant, run: id, hub, changes, reader };
    Ok(Events::of(stay, following.events()))
}

struct Following {
    app: App,
    tenant: Uuid,
    run: Uuid,
    hub: Arc<Hub>,
    changes: watch::Receiver<()>,
    reader: Reader,
}

impl Following {
    fn events(self) -> impl Stream<Item = String> + Send + 'static {
        unfold(self, |mut following| async move {
            let text = following.next().await?;
            Some((text, following))
        })
    }

    /// What is new, as soon as something is; `None` when the run is over.
    async fn next(&mut self) -> Option<String> {
        loop {
            self.changes.borrow_and_update();
            let told = self.hub.tell(&mut self.reader);
            if let Some(text) = self.reader.take() {
                return Some(text);
            }
            if self.reader.is_over() {
                return None;
            }
            if told {
                self.changes.changed().await.ok()?;
            } else if let Err(error) = self.catch_up().await {
                // Whoever reads comes again, and finds the record back.
                error.log();
                return None;
            } else if let Some(text) = self.reader.take() {
                return Some(text);
            }
        }
    }

    async fn catch_up(&mut self) -> Result<()> {
        let after = self.reader.after();
        let told = self
            .app
            .db()?
            .tenant(self.tenant, async |tx| live::told(tx, self.run, after, PAGE).await);
        told.await?.iter().for_each(|told| self.reader.event(told));
        Ok(())
    }
}
