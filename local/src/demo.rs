//! `make demo`: a team that somebody else defined turns a brief into documents, on this machine.

mod api;
mod package;
mod show;
mod work;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::{
    build, invoke,
    progress::{Step, say, seconds},
    stack::{Options, Stack},
};
use api::Api;

/// The definitions that are imported, as published; fetched at run time and never stored here.
const PACKAGE: &str = "bmad-method";
const VERSION: &str = "6.12.0";
/// One of its rooms: four voices who are to keep each other from agreeing too soon.
const PARTY: &str = "party-anti-consensus-club";

/// Runs the workflow over a brief, in a stack of its own or the one that runs.
pub fn run(options: &Options, brief: &Path, workflow: &Path) -> Result<()> {
    let begun = Instant::now();
    let brief_text = read(brief)?;
    let (slug, definition) = definition(workflow)?;
    say("\nCadre: a team of agents turns a brief into documents.\n");
    let host = build::host()?;
    let mut stack = Stack::up(options)?;
    stack.spawn_host(&host.wait()?)?;
    migrate(&stack)?;
    say_model(&stack);
    let api = Api::new(stack.host_url()?, &stack.sign_in("ada")?);
    say("\nThe team");
    import(&stack, &api)?;
    publish(&api, &slug, &definition)?;

    say(&format!("\nThe brief: {}", brief.display()));
    let run = start(&api, &slug, &brief_text)?;
    let outcome = work::follow(&mut stack, &api, &run)?;
    let folder = stack.paths().stack.join("documents").join(&run);
    let documents = save(&api, &run, &folder)?;
    show::summary(&outcome, &documents, stack.paths());
    finish(&outcome, &definition, &documents)?;
    party(&mut stack, &api, &brief_text)?;
    stack.down();
    say(&format!("\n  Done in {}.", seconds(begun.elapsed())));
    Ok(())
}

fn read(brief: &Path) -> Result<String> {
    let text = fs::read_to_string(brief).with_context(|| {
        format!(
            "cannot read the brief {}: try BRIEF=examples/briefs/bicycle-repair.md",
            brief.display()
        )
    })?;
    ensure!(!text.trim().is_empty(), "the brief {} is empty", brief.display());
    Ok(text)
}

/// Invokes the function that migrates, as a deployment does.
pub fn migrate(stack: &Stack) -> Result<()> {
    let step = Step::begin("the database's migrations");
    let migrated = invoke::call(&stack.host_url()?, "platform-migrate", "{}")?;
    let applied = migrated["applied"].as_array().map_or(0, Vec::len);
    let version = &migrated["version"];
    step.done(&format!("{applied} applied, now at version {version}"));
    Ok(())
}

fn say_model(stack: &Stack) {
    let var = |name: &str| stack.env().get(name).map_or("", String::as_str);
    if var("MODEL_PROVIDER") == "extractive" {
        say(
            "\n  Note: no model runs. The `extractive` provider picks sentences from what it is given;",
        );
        say("  it is not AI. Set MODEL_BASE_URL, MODEL_NAME and MODEL_API_KEY for a real one.");
    } else if stack.runs("model") {
        say(
            "\n  Note: the model is SmolLM2 with 135 million parameters, a demonstration model that runs",
        );
        say(
            "  here without a key. Its answers are real and weak. Set MODEL_BASE_URL, MODEL_NAME and",
        );
        say("  MODEL_API_KEY for a better one.");
    } else {
        say(&format!("\n  The model: {} at {}", var("MODEL_NAME"), var("MODEL_BASE_URL")));
    }
}

/// Imports the package's agents and workflows through the API, and prints the report.
fn import(stack: &Stack, api: &Api) -> Result<()> {
    let step = Step::begin(format!("{PACKAGE} {VERSION} from the npm registry"));
    let bundle = package::fetch(stack.paths(), PACKAGE, VERSION)?;
    step.done(&format!("{} KiB", bundle.len() / 1024));
    let step = Step::begin("importing it through the API");
    let import = api.upload("/v1/imports", "application/gzip", &bundle)?;
    step.done(if import["replayed"] == true { "nothing new since the last time" } else { "" });
    show::import(&import);
    Ok(())
}

/// A workflow's name and definition, from its file.
fn definition(file: &Path) -> Result<(String, Value)> {
    let text = fs::read_to_string(file).with_context(|| {
        format!("cannot read the workflow {}: examples/workflows/ has some", file.display())
    })?;
    let definition =
        serde_json::from_str(&text).with_context(|| format!("{} is not JSON", file.display()))?;
    let slug =
        file.file_stem().and_then(|stem| stem.to_str()).context("a workflow needs a name")?;
    Ok((slug.to_owned(), definition))
}

/// Creates and publishes the workflow, or brings it up to date.
fn publish(api: &Api, slug: &str, definition: &Value) -> Result<()> {
    let step = Step::begin(format!("the workflow {slug}"));
    let found = api.get(&format!("/v1/workflows?slug={slug}"))?;
    let workflow = match found["items"].get(0) {
        None => api.post("/v1/workflows", &json!({ "slug": slug, "definition": definition }))?,
        Some(old) if old["draft"] == *definition => old.clone(),
        Some(old) => {
            let change = json!({ "definition": definition, "revision": old["revision"] });
            api.put(&format!("/v1/workflows/{}", api::text(&old["id"])), &change)?
        }
    };
    let versions = format!("/v1/workflows/{}/versions", api::text(&workflow["id"]));
    let what = match api.try_post(&versions, &json!({ "bump": "minor" }))? {
        Ok(version) => format!("published as {}", api::text(&version["version"])),
        Err(409) => "published already".to_owned(),
        Err(status) => anyhow::bail!("publishing {slug} answered {status}"),
    };
    step.done(&what);
    Ok(())
}

/// A room that came with the import talks about the same brief, and its analytics say how it went.
fn party(stack: &mut Stack, api: &Api, brief: &str) -> Result<()> {
    say(&format!("\nA room of the package: {PARTY}"));
    let run = start(api, PARTY, brief)?;
    let outcome = work::follow(stack, api, &run)?;
    let state = api::text(&outcome["state"]);
    ensure!(state == "succeeded", "the room's run {state}: {}", outcome["error"]);
    let list = api.get(&format!("/v1/runs/{run}/conversations"))?;
    let conversation = api::text(&list["items"][0]["id"]);
    let analytics = api.get(&format!("/v1/conversations/{conversation}/analytics"))?;
    show::analytics(&analytics);
    Ok(())
}

fn start(api: &Api, workflow: &str, brief: &str) -> Result<String> {
    let run = api.post("/v1/runs", &json!({ "workflow": workflow, "brief": brief }))?;
    Ok(api::text(&run["id"]).to_owned())
}

/// A document on disk.
pub(crate) struct Saved {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) bytes: usize,
}

fn save(api: &Api, run: &str, folder: &Path) -> Result<Vec<Saved>> {
    fs::create_dir_all(folder)?;
    let list = api.get(&format!("/v1/runs/{run}/documents?limit=100"))?;
    let documents = list["items"].as_array().cloned().unwrap_or_default();
    let save = |document: Value| {
        let whole = api.get(&format!("/v1/documents/{}", api::text(&document["id"])))?;
        let (name, content) = (api::text(&whole["name"]).to_owned(), api::text(&whole["content"]));
        let path = folder.join(&name);
        fs::write(&path, content)?;
        Ok(Saved { name, path, bytes: content.len() })
    };
    documents.into_iter().map(save).collect()
}

/// Success is a run that succeeded and every expected document, none of them empty.
fn finish(outcome: &Value, workflow: &Value, documents: &[Saved]) -> Result<()> {
    let state = api::text(&outcome["state"]);
    ensure!(state == "succeeded", "the run {state}: {}", outcome["error"]);
    let steps = workflow["steps"].as_array().into_iter().flatten();
    for name in steps.filter_map(|step| step["document"].as_str()) {
        let there = documents.iter().any(|saved| saved.name == name && saved.bytes > 0);
        ensure!(there, "the run succeeded, but {name} is missing or empty");
    }
    Ok(())
}
