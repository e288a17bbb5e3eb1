//! Telling the generations apart by the files that only one of them has.

use super::limits::{MAX_DEFINITION_BYTES, MAX_DEFINITIONS};
use super::{embedded_agent, files, pack, skills, yaml};
use crate::bundle::{Bundle, Refusal};
use crate::model::Generation;

pub(super) fn detect(bundle: &Bundle) -> Option<Generation> {
    let any =
        |test: &dyn Fn(&str) -> bool| bundle.paths().any(|path| files::belongs(path) && test(path));
    // Skills came with a manifest first; the settings file replaced it.
    if any(&|path| files::file_name(path) == "customize.toml") || skills::is_installed(bundle) {
        return Some(Generation::D);
    }
    if any(&|path| files::file_name(path) == "bmad-skill-manifest.yaml") {
        return Some(Generation::C);
    }
    if any(&|path| path.ends_with(".agent.yaml")) {
        return Some(Generation::B);
    }
    if is_embedded(bundle) {
        return Some(Generation::A);
    }
    if any(&|path| files::file_name(path) == "SKILL.md") {
        // A skill without settings is still a skill.
        return Some(Generation::D);
    }
    is_flat(bundle).then_some(Generation::SeedFlat)
}

/// An agent with its definition inside, or at least the core with its workflows.
fn is_embedded(bundle: &Bundle) -> bool {
    let agent = |path: &&str| {
        files::ending(path) == "md"
            && files::file_name(files::folder(path)) == "agents"
            && bundle.get(path).is_some_and(|bytes| bytes.len() <= MAX_DEFINITION_BYTES)
            && matches!(bundle.text(path), Some(Ok(text)) if embedded_agent::parse(&text).is_ok())
    };
    let workflow = |path: &&str| {
        ["yaml", "yml"].contains(&files::ending(path).as_str())
            && files::file_name(files::folder(path)) == "workflows"
    };
    bundle.paths().filter(|path| pack::belongs(path)).any(|path| agent(&path) || workflow(&path))
}

/// An agent whose file is YAML from top to bottom, with its model, its persona and its commands.
fn is_flat(bundle: &Bundle) -> bool {
    let flat = |path: &str| {
        ["yaml", "yml"].contains(&files::ending(path).as_str())
            && bundle.get(path).is_some_and(|bytes| bytes.len() <= MAX_DEFINITION_BYTES)
            && matches!(bundle.text(path), Some(Ok(text))
            if yaml::parse(&text).is_ok_and(|node| {
                ["agent", "commands"].iter().all(|key| node.get(key).is_some())
            }))
    };
    bundle.paths().filter(|path| files::belongs(path)).take(MAX_DEFINITIONS).any(flat)
}

pub(super) fn unsupported(generation: Generation) -> Refusal {
    let (generation, versions) = match generation {
        Generation::A => ("A", "version 4"),
        Generation::B => ("B", "versions 6.0 to 6.1, `*.agent.yaml`"),
        Generation::C => ("C", "versions 6.2 and 6.3, `bmad-skill-manifest.yaml`"),
        Generation::D => ("D", "version 6.4 and later"),
        Generation::SeedFlat => ("seed-flat", "one flat YAML file an agent"),
    };
    let supported = "generation A (version 4) or generation D (version 6.4 and later)";
    Refusal::GenerationUnsupported { generation, versions, supported }
}

/// Some published packages carry everything but the skills themselves: say so, for the next thing
/// one tries is the same package again.
pub(super) fn unknown(bundle: &Bundle) -> Refusal {
    let is = |name: &str| bundle.paths().any(|path| files::file_name(path) == name);
    let why = if is("module.yaml") || is("marketplace.json") {
        "this is a module without its skills (some npm packages are published without the SKILL.md files); take the source archive or an installed folder instead"
    } else {
        "no agents or workflows were found; send a module with SKILL.md and customize.toml files, or one of version 4 with `agents/*.md`"
    };
    Refusal::NoDefinitions(why.to_owned())
}
