//! The tables and definitions of the checkout, read as files: this crate knows no domain.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use super::files;

/// As much of a row as the emulator and the router need.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Function {
    pub timeout: u64,
    /// `GET /v1/things/{id}`, of those that have one.
    pub route: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    pub file: PathBuf,
    pub definition: String,
}

/// What a checkout has for an emulator, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub functions: BTreeMap<String, Function>,
    pub machines: BTreeMap<String, Machine>,
}

impl Source {
    pub fn read(root: &Path) -> Result<Self> {
        Ok(Self { functions: functions(root)?, machines: machines(root)? })
    }

    /// No function with less time than this, in seconds.
    #[must_use]
    pub fn at_least(mut self, seconds: u64) -> Self {
        for function in self.functions.values_mut() {
            function.timeout = function.timeout.max(seconds);
        }
        self
    }
}

/// Every row of every `functions/<domain>/functions.json`.
fn functions(root: &Path) -> Result<BTreeMap<String, Function>> {
    let mut all = BTreeMap::new();
    for domain in files(&root.join("functions")) {
        let table = domain.join("functions.json");
        if !table.is_file() {
            continue;
        }
        let rows: BTreeMap<String, Function> =
            serde_json::from_str(&fs::read_to_string(&table)?)
                .with_context(|| format!("in {}", table.display()))?;
        for (name, row) in rows {
            ensure!(all.insert(name.clone(), row).is_none(), "two functions are called {name}");
        }
    }
    Ok(all)
}

/// Every `functions/<domain>/workflows/<name>.asl.json`.
fn machines(root: &Path) -> Result<BTreeMap<String, Machine>> {
    let mut all = BTreeMap::new();
    for file in
        files(&root.join("functions")).iter().flat_map(|path| files(&path.join("workflows")))
    {
        let name = file.file_name().and_then(|name| name.to_str()?.strip_suffix(".asl.json"));
        if let Some(name) = name.map(str::to_owned) {
            let definition = fs::read_to_string(&file)?;
            ensure!(
                all.insert(name.clone(), Machine { file, definition }).is_none(),
                "two state machines are called {name}"
            );
        }
    }
    Ok(all)
}

/// Fills `${runs_plan}` with the ARN of `runs-plan`, as Terraform's `templatefile` does;
/// `$${` is a plain `${` there and here. What is left must be JSON.
pub fn fill(definition: &str, arns: &BTreeMap<String, String>) -> Result<String> {
    let mut filled = String::with_capacity(definition.len());
    let mut rest = definition;
    while let Some(at) = rest.find("${") {
        if rest[..at].ends_with('$') {
            filled.push_str(&rest[..at - 1]);
            filled.push_str("${");
            rest = &rest[at + 2..];
            continue;
        }
        filled.push_str(&rest[..at]);
        let (hole, after) = rest[at + 2..].split_once('}').context("a hole is not closed")?;
        let function = hole.trim().replace('_', "-");
        let Some(arn) = arns.get(&function) else {
            bail!("the hole ${{{hole}}} names no function ('{function}' is in no functions.json)");
        };
        filled.push_str(arn);
        rest = after;
    }
    filled.push_str(rest);
    serde_json::from_str::<serde_json::Value>(&filled)?;
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arns() -> BTreeMap<String, String> {
        [("runs-plan", "arn:1"), ("runs-turn", "arn:2")]
            .map(|(name, arn)| (name.to_owned(), arn.to_owned()))
            .into()
    }

    #[test]
    fn holes_are_filled_with_arns() {
        let filled = fill(r#"["${runs_plan}", "${ runs_turn }", "$${kept}", "{% $x %}"]"#, &arns());
        assert_eq!(filled.unwrap(), r#"["arn:1", "arn:2", "${kept}", "{% $x %}"]"#);
    }

    #[test]
    fn a_hole_without_a_function_is_named() {
        let error = fill(r#""${runs_plann}""#, &arns()).unwrap_err().to_string();
        assert!(error.contains("runs_plann"), "{error}");
        assert!(fill(r#""${runs_plan"#, &arns()).is_err());
        assert!(fill("{", &arns()).is_err());
    }

    #[test]
    fn tables_and_machines_are_found_and_none_is_fine() {
        let root = std::env::temp_dir().join(format!("cadre-tables-{}", std::process::id()));
        assert!(functions(&root).unwrap().is_empty() && machines(&root).unwrap().is_empty());

        let domain = root.join("functions/runs");
        fs::create_dir_all(domain.join("workflows")).unwrap();
        fs::write(domain.join("workflows/run.asl.json"), "{}").unwrap();
        fs::write(domain.join("workflows/notes.md"), "").unwrap();
        let row =
            r#"{ "runs-plan": { "task": "Plan", "uses": [], "memory": 256, "timeout": 30 } }"#;
        fs::write(domain.join("functions.json"), row).unwrap();
        assert_eq!(functions(&root).unwrap()["runs-plan"].timeout, 30);
        assert_eq!(machines(&root).unwrap().into_keys().collect::<Vec<_>>(), ["run"]);

        fs::create_dir_all(root.join("functions/twice")).unwrap();
        fs::write(root.join("functions/twice/functions.json"), row).unwrap();
        assert!(functions(&root).unwrap_err().to_string().contains("runs-plan"));
        fs::remove_dir_all(&root).unwrap();
    }
}
