//! Every function, mounted by its row. One line each, in the order of the tables.

use std::collections::BTreeMap;

use anyhow::Context;
use axum::Router;
use axum::handler::Handler;
use serde_json::Value;
use shared::jobs::{self, Job};
use shared::openapi::Describe;
use shared::table::{Row, Table, Trigger};
use shared::{App, http};

use schemars::SchemaGenerator;

pub(crate) const TABLES: &[&str] = &[
    access::FUNCTIONS,
    agents::FUNCTIONS,
    context::FUNCTIONS,
    conversations::FUNCTIONS,
    documents::FUNCTIONS,
    identity::FUNCTIONS,
    imports::FUNCTIONS,
    platform::FUNCTIONS,
    provisioning::FUNCTIONS,
    runs::FUNCTIONS,
    scim::FUNCTIONS,
    spend::FUNCTIONS,
    workflows::FUNCTIONS,
];

pub enum Function {
    Http(Router),
    Job(Job),
}

/// All of them by name, and what they need to run.
pub struct Functions {
    pub app: App,
    pub by_name: BTreeMap<String, Function>,
}

/// What each route says of itself, for the API's document.
pub(crate) struct Described {
    pub(crate) operations: BTreeMap<String, Value>,
    pub(crate) schemas: SchemaGenerator,
}

impl Functions {
    pub fn api(&self) -> Router {
        self.by_name.values().fold(Router::new(), |api, function| match function {
            Function::Http(router) => api.merge(router.clone()),
            Function::Job(_) => api,
        })
    }
}

struct Mounting {
    table: Table,
    functions: Functions,
    described: Described,
}

pub(crate) fn all(app: App) -> anyhow::Result<(Functions, Described)> {
    let described = Described {
        operations: BTreeMap::new(),
        schemas: schemars::generate::SchemaSettings::draft2020_12()
            .with(|settings| settings.definitions_path = "/components/schemas".into())
            .into_generator(),
    };
    let functions = Functions { app, by_name: BTreeMap::new() };
    let mut on = Mounting { table: crate::table()?, functions, described };

    people(&mut on)?;
    work(&mut on)?;
    if let Some(forgotten) = on.table.keys().next() {
        anyhow::bail!("`{forgotten}` has a row and is not mounted: add it to host's functions.rs");
    }
    Ok((on.functions, on.described))
}

/// Who people are, and what they may.
fn people(on: &mut Mounting) -> anyhow::Result<()> {
    on.route("access-catalogue", access::catalogue::handle)?;
    on.route("access-roles", access::roles::handle)?;
    on.route("access-role-create", access::role_create::handle)?;
    on.route("access-role-get", access::role_get::handle)?;
    on.route("access-role-update", access::role_update::handle)?;
    on.route("access-role-delete", access::role_delete::handle)?;
    on.route("access-members", access::members::handle)?;
    on.route("access-member-get", access::member_get::handle)?;
    on.route("access-member-roles", access::member_roles::handle)?;
    on.route("access-member-remove", access::member_remove::handle)?;
    on.route("access-keys", access::keys::handle)?;
    on.route("access-key-create", access::key_create::handle)?;
    on.route("access-key-revoke", access::key_revoke::handle)?;

    on.route("identity-login", identity::login::handle)?;
    on.route("identity-callback", identity::callback::handle)?;
    on.route("identity-refresh", identity::refresh::handle)?;
    on.route("identity-logout", identity::logout::handle)?;
    on.route("identity-session", identity::session::handle)?;
    on.route("identity-sessions", identity::sessions::handle)?;
    on.route("identity-revoke", identity::revoke::handle)?;
    on.route("identity-revoke-all", identity::revoke_all::handle)?;
    on.route("identity-account", identity::account::handle)?;
    on.route("identity-style", identity::style::handle)?;

    on.job("provisioning-push", jobs::task(provisioning::push::handle))?;
    on.job("provisioning-events", jobs::queue(provisioning::events::handle))?;
    on.job("provisioning-drift", jobs::task(provisioning::drift::handle))?;
    on.route("provisioning-report", provisioning::report::handle)?;

    on.route("scim-config", scim::config::handle)?;
    on.route("scim-types", scim::types::handle)?;
    on.route("scim-type-get", scim::type_get::handle)?;
    on.route("scim-schemas", scim::schemas::handle)?;
    on.route("scim-schema-get", scim::schema_get::handle)?;
    on.route("scim-search", scim::search::handle)?;
    on.route("scim-users", scim::users::handle)?;
    on.route("scim-user-create", scim::user_create::handle)?;
    on.route("scim-user-get", scim::user_get::handle)?;
    on.route("scim-user-replace", scim::user_replace::handle)?;
    on.route("scim-user-patch", scim::user_patch::handle)?;
    on.route("scim-user-delete", scim::user_delete::handle)?;
    on.route("scim-groups", scim::groups::handle)?;
    on.route("scim-group-create", scim::group_create::handle)?;
    on.route("scim-group-get", scim::group_get::handle)?;
    on.route("scim-group-replace", scim::group_replace::handle)?;
    on.route("scim-group-patch", scim::group_patch::handle)?;
    on.route("scim-group-delete", scim::group_delete::handle)?;
    Ok(())
}

/// What the product is for.
fn work(on: &mut Mounting) -> anyhow::Result<()> {
    on.route("agents-create", agents::create::handle)?;
    on.route("agents-list", agents::list::handle)?;
    on.route("agents-get", agents::get::handle)?;
    on.route("agents-update", agents::update::handle)?;
    on.route("agents-publish", agents::publish::handle)?;
    on.route("agents-versions", agents::versions::handle)?;
    on.route("agents-diff", agents::diff::handle)?;
    on.route("agents-label", agents::label::handle)?;

    on.route("context-put", context::put::handle)?;
    on.route("context-list", context::list::handle)?;
    on.route("context-get", context::get::handle)?;
    on.route("context-delete", context::delete::handle)?;
    on.route("context-grant", context::grant::handle)?;
    on.route("context-grants", context::grants::handle)?;
    on.route("context-revoke", context::revoke::handle)?;

    on.route("conversations-analytics", conversations::analytics::handle)?;
    on.route("conversations-list", conversations::list::handle)?;
    on.route("conversations-messages", conversations::messages::handle)?;

    on.route("documents-list", documents::list::handle)?;
    on.route("documents-get", documents::get::handle)?;

    on.route("imports-create", imports::create::handle)?;
    on.route("imports-list", imports::list::handle)?;
    on.route("imports-get", imports::get::handle)?;

    on.route("platform-health", platform::health::handle)?;
    on.route("platform-openapi", platform::openapi::handle)?;
    on.job("platform-migrate", jobs::task(platform::migrate::handle))?;

    on.route("runs-start", runs::start::handle)?;
    on.route("runs-list", runs::list::handle)?;
    on.route("runs-get", runs::get::handle)?;
    on.route("runs-events", runs::events::handle)?;
    on.route("runs-stream", runs::stream::handle)?;
    on.route("runs-cancel", runs::cancel::handle)?;
    on.route("runs-speaker", runs::speaker::handle)?;
    on.route("runs-fork", runs::fork::handle)?;
    on.route("runs-diff", runs::diff::handle)?;
    on.route("runs-replay", runs::replay::handle)?;
    on.route("runs-explain", runs::explain::handle)?;
    on.job("runs-dispatch", jobs::task(runs::dispatch::handle))?;
    on.job("runs-plan", jobs::task(runs::plan::handle))?;
    on.job("runs-step", jobs::task(runs::step::handle))?;
    on.job("runs-room", jobs::task(runs::room::handle))?;
    on.job("runs-finish", jobs::task(runs::finish::handle))?;
    on.job("runs-fail", jobs::task(runs::fail::handle))?;

    on.route("spend-report", spend::report::handle)?;
    on.route("spend-cap", spend::cap::handle)?;
    on.route("spend-switch", spend::switch::handle)?;

    on.route("workflows-create", workflows::create::handle)?;
    on.route("workflows-list", workflows::list::handle)?;
    on.route("workflows-get", workflows::get::handle)?;
    on.route("workflows-update", workflows::update::handle)?;
    on.route("workflows-publish", workflows::publish::handle)?;
    Ok(())
}

impl Mounting {
    fn row(&mut self, name: &str) -> anyhow::Result<Row> {
        self.table.remove(name).with_context(|| format!("`{name}` is mounted and has no row"))
    }

    fn route<T, A, H>(&mut self, name: &str, handler: H) -> anyhow::Result<()>
    where
        T: 'static,
        H: Handler<T, App> + Describe<A>,
    {
        let row = self.row(name)?;
        let operation = handler.operation(&mut self.described.schemas);
        self.described.operations.insert(name.into(), operation);
        let app = self.functions.app;
        let router = match row.once {
            Some(_) => http::mount_once(&row, handler, app)?,
            None if row.stream => http::mount_stream(&row, handler, app)?,
            None => http::mount(&row, handler, app)?,
        };
        let router = router.with_state(app);
        self.functions.by_name.insert(name.into(), Function::Http(router));
        Ok(())
    }

    fn job(&mut self, name: &str, job: Job) -> anyhow::Result<()> {
        let row = self.row(name)?;
        anyhow::ensure!(!matches!(row.trigger, Trigger::Route { .. }), "`{name}` is a route");
        self.functions.by_name.insert(name.into(), Function::Job(job));
        Ok(())
    }
}
