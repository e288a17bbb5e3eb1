//! Terraform and its AWS provider, wherever this machine has them, working on a copy of `infra/`.

use std::{
    env,
    fmt::Write as _,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};
use local::{paths::Paths, settings::program};
use serde_json::{Value, json};

use crate::settings;

/// Terraform, able to start the provider that `infra/` asks for.
#[derive(Clone)]
pub(crate) struct Terraform {
    pub(crate) program: PathBuf,
    /// Ours, unless the person has one.
    settings: Option<PathBuf>,
    paths: Paths,
}

impl Terraform {
    /// The program alone: it formats without any provider.
    pub(crate) fn bare(paths: &Paths) -> Result<Self> {
        let program = program("terraform").context("terraform is not on the PATH")?;
        let home = paths.tools.join("terraform");
        fs::create_dir_all(home.join("plugins"))?;
        let _one_at_a_time = lock(&home)?;
        let settings = if has_settings() { None } else { Some(write_settings(&home)?) };
        Ok(Self { program, settings, paths: paths.clone() })
    }

    /// With Auth0's provider.
    pub(crate) fn with_auth0(paths: &Paths) -> Result<Self> {
        let terraform = Self::bare(paths)?;
        terraform.check_auth0().context("no provider auth0/auth0")?;
        Ok(terraform)
    }

    /// An error says what is missing here.
    pub(crate) fn find(paths: &Paths) -> Result<Self> {
        let terraform = Self::bare(paths)?;
        let home = paths.tools.join("terraform");
        let _one_at_a_time = lock(&home)?;

        // Whether the provider can be had is known only by getting it; that takes seconds.
        let stamp = home.join("provider-found");
        let asked = terraform.asked_for()?;
        if fs::read_to_string(&stamp).ok().as_deref() != Some(&asked) {
            terraform.copy("probe")?.initialise().context("no provider hashicorp/aws")?;
            fs::write(&stamp, asked)?;
        }
        Ok(terraform)
    }

    pub(crate) fn check_format(&self) -> Result<()> {
        let infra = self.paths.root.join("infra");
        self.run(&infra, &["fmt", "-check", "-recursive", "-diff"], &[])
            .context("terraform fmt -recursive infra puts this right")?;
        Ok(())
    }

    /// A root module of its own, with a provider of its own.
    pub(crate) fn check_auth0(&self) -> Result<()> {
        let copy = self.copy("auth0")?;
        let module = copy.infra().join("auth0");
        self.run(&module, &["init", "-backend=false"], &[])?;
        self.run(&module, &["validate"], &[]).map(drop)
    }

    pub(crate) fn check(&self) -> Result<()> {
        self.check_format()?;
        let copy = self.copy("check")?;
        copy.initialise()?;
        copy.run(&["validate"], &[]).map(drop)
    }

    pub(crate) fn test(&self) -> Result<()> {
        let copy = self.copy("test")?;
        copy.initialise()?;
        let out = copy.run(&["test"], &[])?;
        ensure!(out.contains("Success!"), "{out}");
        Ok(())
    }

    /// What `infra/` needs beside it, and nothing that a person left there, in a folder of its own.
    pub(crate) fn copy(&self, name: &str) -> Result<Folder> {
        let unique = format!("{name}-{}", std::process::id());
        let folder = Folder {
            root: self.paths.tools.join("terraform").join(unique),
            terraform: self.clone(),
        };
        copy(&self.paths.root.join("infra"), &folder.infra(), &|file| {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            !name.starts_with('.') && !name.contains(".tfstate") && !name.contains(".tfvars")
        })?;
        let functions = self.paths.root.join("functions");
        copy(&functions, &folder.root.join("functions"), &|file| {
            file.is_dir() && !file.ends_with("src") || file.extension().is_some_and(|e| e == "json")
        })?;
        // The state stays in the copy.
        let backend = json!({ "terraform": { "backend": { "local": {} } } });
        fs::write(folder.infra().join("backend_override.tf.json"), backend.to_string())?;
        Ok(folder)
    }

    fn run(&self, folder: &Path, arguments: &[&str], env: &[(&str, &str)]) -> Result<String> {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(folder);
        for name in settings::personal() {
            command.env_remove(name);
        }
        command.envs([("CHECKPOINT_DISABLE", "1"), ("TF_IN_AUTOMATION", "1"), ("TF_INPUT", "0")]);
        command.env("TF_CLI_ARGS", "-no-color").envs(env.iter().copied());
        if let Some(settings) = &self.settings {
            command.env("TF_CLI_CONFIG_FILE", settings);
        }
        let out =
            command.output().with_context(|| format!("cannot start {}", self.program.display()))?;
        let said = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let both = said(&out.stdout) + &said(&out.stderr);
        ensure!(out.status.success(), "terraform {} failed:\n{both}", arguments.join(" "));
        Ok(said(&out.stdout))
    }

    /// All that decides whether the provider is there.
    fn asked_for(&self) -> Result<String> {
        let versions = fs::read_to_string(self.paths.root.join("infra/versions.tf"))?;
        let settings = self.settings.as_ref().map(fs::read_to_string).transpose()?;
        Ok(format!("{}\n{}\n{versions}", self.program.display(), settings.unwrap_or_default()))
    }
}

/// A copy of `infra/`; removed when it goes out of scope.
pub(crate) struct Folder {
    root: PathBuf,
    terraform: Terraform,
}

impl Folder {
    pub(crate) fn infra(&self) -> PathBuf {
        self.root.join("infra")
    }

    pub(crate) fn initialise(&self) -> Result<()> {
        self.run(&["init"], &[]).map(drop)
    }

    pub(crate) fn run(&self, arguments: &[&str], env: &[(&str, &str)]) -> Result<String> {
        self.terraform.run(&self.infra(), arguments, env)
    }

    /// One output of what was applied.
    pub(crate) fn outputs(&self) -> Result<Value> {
        Ok(serde_json::from_str(&self.run(&["output", "-json"], &[])?)?)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// Whether the person told Terraform where providers come from. A name without a file tells nothing.
fn has_settings() -> bool {
    let named = settings::named("TF_CLI_CONFIG_FILE");
    let usual = env::home_dir().map(|home| home.join(".terraformrc"));
    [named, usual].into_iter().flatten().any(|file| file.is_file())
}

fn write_settings(home: &Path) -> Result<PathBuf> {
    let mirrors = mirrors();
    let mut text = String::new();
    if mirrors.is_empty() {
        writeln!(text, "plugin_cache_dir = {}", quoted(&home.join("plugins"))?)?;
        writeln!(text, "plugin_cache_may_break_dependency_lock_file = true")?;
    } else {
        writeln!(text, "provider_installation {{")?;
        for mirror in mirrors {
            writeln!(text, "  filesystem_mirror {{\n    path = {}\n  }}", quoted(&mirror)?)?;
        }
        writeln!(text, "}}")?;
    }
    let file = home.join("settings.tfrc");
    if fs::read_to_string(&file).ok().as_deref() != Some(&text) {
        fs::write(&file, text)?;
    }
    Ok(file)
}

/// JSON's quotes are Terraform's too.
fn quoted(path: &Path) -> Result<String> {
    Ok(serde_json::to_string(path)?)
}

/// Folders of providers that somebody put on this machine, in one of the places where one would.
fn mirrors() -> Vec<PathBuf> {
    let named =
        ["TF_PLUGIN_CACHE_DIR", "TF_PLUGIN_MIRROR_DIR"].into_iter().filter_map(settings::named);
    let shared = ["/opt", "/srv", "/usr/lib", "/usr/local", "/usr/local/lib", "/usr/local/share"];
    let more = ["/usr/share", "/var/cache", "/var/lib"];
    let home = env::home_dir().into_iter().flat_map(|home| {
        [home.join(".cache"), home.join(".local/share"), home.join(".terraform.d"), home]
    });
    let places = shared.into_iter().chain(more).map(PathBuf::from).chain(home);
    let candidates = places.flat_map(|place| children(&place).into_iter().chain([place]));
    let mut found: Vec<PathBuf> = named.chain(candidates).collect();
    found.retain(|folder| children(folder).iter().any(|host| host.join("hashicorp/aws").is_dir()));
    found.sort();
    found.dedup();
    found
}

fn children(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|child| Some(child.ok()?.path()))
        .collect()
}

fn copy(from: &Path, to: &Path, wanted: &dyn Fn(&Path) -> bool) -> Result<()> {
    fs::create_dir_all(to)?;
    for child in children(from).into_iter().filter(|child| wanted(child)) {
        let Some(name) = child.file_name() else { bail!("no name: {}", child.display()) };
        let to = to.join(name);
        if child.is_dir() {
            copy(&child, &to, wanted)?;
        } else {
            fs::copy(&child, &to).with_context(|| child.display().to_string())?;
        }
    }
    Ok(())
}

fn lock(home: &Path) -> Result<File> {
    let lock = File::create(home.join("lock"))?;
    lock.lock()?;
    Ok(lock)
}
