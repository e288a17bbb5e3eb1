//! Where a bundle comes from: its name, its version, its licence and the notice that goes with it.

use serde_json::Value;

use super::{files, fit, yaml};
use crate::bundle::Bundle;
use crate::model::{Generation, Source};
use crate::report::Report;

/// Enough for the notices of the short licences; a long one is named by its first lines.
const NOTICE: usize = 4_000;

pub(super) fn source(bundle: &Bundle, generation: Generation, report: &mut Report) -> Source {
    report.licence_notice = notice(bundle, report);
    let mut source = Source { name: String::new(), version: None, licence: None, generation };
    if let Some(package) = package(bundle, report) {
        let field = |name: &str| package.get(name).and_then(Value::as_str).map(fit::plain);
        source.name = field("name").unwrap_or_default();
        source.version = field("version");
        source.licence = field("license");
    }
    if source.version.is_none()
        && let Some(text) = files::text(bundle, "_bmad/_config/manifest.yaml", report)
        && let Ok(manifest) = yaml::parse(&text)
    {
        let installation = manifest.get("installation").unwrap_or(&manifest);
        source.version = installation.text_at("version");
        "bmad-method".clone_into(&mut source.name);
    }
    if source.name.is_empty() {
        let named = if bundle.root().is_empty() { "bundle" } else { bundle.root() };
        named.clone_into(&mut source.name);
    }
    if source.licence.is_none() && report.licence_notice.is_none() {
        report.warn("the bundle names no licence; make sure that you may use its definitions");
    }
    source
}

fn package(bundle: &Bundle, report: &mut Report) -> Option<Value> {
    let text = files::text(bundle, "package.json", report)?;
    match serde_json::from_str(&text) {
        Ok(package) => Some(package),
        Err(error) => {
            report.reject("package.json", format!("it is not JSON: {error}"));
            None
        }
    }
}

fn notice(bundle: &Bundle, report: &mut Report) -> Option<String> {
    let path = ["LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE"]
        .into_iter()
        .find(|path| bundle.get(path).is_some())?;
    let text = files::text(bundle, path, report)?;
    Some(text.chars().take(NOTICE).collect())
}
