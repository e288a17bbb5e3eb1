//! Every operation that this client uses. A request can be made through these only, so that
//! `agrees.rs` can hold all of them against openapi.json.

use std::marker::PhantomData;

use serde_json::Value;

use crate::model::{
    Account, Agent, Difference, Document, DocumentWithContent, Event, ImportRecord, Message, Page,
    Run, RunDetail, Started, WhoAmI, Workflow,
};

pub(crate) struct Operation<T> {
    pub(crate) id: &'static str,
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    /// What may be asked of it beside the path.
    pub(crate) query: &'static [&'static str],
    /// Whether the API does it once for each `Idempotency-Key`.
    pub(crate) once: bool,
    answer: PhantomData<fn() -> T>,
}

const LIST: &[&str] = &["cursor", "limit"];

pub(crate) const SESSION: Operation<WhoAmI> = get("identity-session", "/v1/session");
pub(crate) const IMPORT: Operation<ImportRecord> = post("imports-create", "/v1/imports");
pub(crate) const AGENTS: Operation<Page<Agent>> =
    list("agents-list", "/v1/agents", &["cursor", "limit", "slug"]);
pub(crate) const WORKFLOWS: Operation<Page<Workflow>> =
    list("workflows-list", "/v1/workflows", &["cursor", "limit", "slug"]);
pub(crate) const RUNS: Operation<Page<Run>> = list("runs-list", "/v1/runs", LIST);
pub(crate) const START: Operation<Started> = once("runs-start", "/v1/runs");
pub(crate) const RUN: Operation<RunDetail> = get("runs-get", "/v1/runs/{id}");
pub(crate) const CANCEL: Operation<RunDetail> = post("runs-cancel", "/v1/runs/{id}/cancel");
pub(crate) const FORK: Operation<Started> = once("runs-fork", "/v1/runs/{id}/fork");
pub(crate) const DIFF: Operation<Difference> = list("runs-diff", "/v1/runs/{id}/diff", &["with"]);
pub(crate) const EVENTS: Operation<Page<Event>> =
    list("runs-events", "/v1/runs/{id}/events", &["after", "limit"]);
pub(crate) const STREAM: Operation<Value> = get("runs-stream", "/v1/runs/{id}/stream");
pub(crate) const MESSAGES: Operation<Page<Message>> =
    list("conversations-messages", "/v1/conversations/{id}/messages", LIST);
pub(crate) const DOCUMENTS: Operation<Page<Document>> =
    list("documents-list", "/v1/runs/{id}/documents", LIST);
pub(crate) const DOCUMENT: Operation<DocumentWithContent> =
    get("documents-get", "/v1/documents/{id}");

pub(crate) const ACCOUNTS: Operation<Page<Account>> =
    list("spend-report", "/v1/spend", &["cursor", "limit", "scope"]);
pub(crate) const SWITCH: Operation<Account> = put("spend-switch", "/v1/spend/switch");

const fn get<T>(id: &'static str, path: &'static str) -> Operation<T> {
    list(id, path, &[])
}

const fn list<T>(
    id: &'static str,
    path: &'static str,
    query: &'static [&'static str],
) -> Operation<T> {
    Operation { id, method: "GET", path, query, once: false, answer: PhantomData }
}

const fn post<T>(id: &'static str, path: &'static str) -> Operation<T> {
    Operation { id, method: "POST", path, query: &[], once: false, answer: PhantomData }
}

const fn put<T>(id: &'static str, path: &'static str) -> Operation<T> {
    Operation { id, method: "PUT", path, query: &[], once: false, answer: PhantomData }
}

const fn once<T>(id: &'static str, path: &'static str) -> Operation<T> {
    Operation { id, method: "POST", path, query: &[], once: true, answer: PhantomData }
}
