//! Debian packages: only the ones that are missing, and only the programs; no system service is touched.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::run;
use crate::{paths::Paths, progress::say, settings::program};

/// A package, how to see that it is there, and why we want it.
struct Package {
    name: &'static str,
    there: fn() -> bool,
    why: &'static str,
}

const PACKAGES: [Package; 6] = [
    Package { name: "pgbouncer", there: || program("pgbouncer").is_some(), why: "plays RDS Proxy" },
    Package {
        name: "redis-server",
        there: || program("redis-server").is_some(),
        why: "plays ElastiCache",
    },
    Package { name: "python3-venv", there: python_makes_environments, why: "a Python of our own" },
    Package {
        name: "libgssapi-krb5-2",
        there: || library("libgssapi_krb5.so.2"),
        why: "PostgreSQL loads it",
    },
    Package { name: "liblz4-1", there: || library("liblz4.so.1"), why: "PostgreSQL loads it" },
    Package {
        name: "libgomp1",
        there: || library("libgomp.so.1"),
        why: "the model server loads it",
    },
];

const LINT: [Package; 1] = [Package {
    name: "shellcheck",
    there: || program("shellcheck").is_some(),
    why: "checks the one shell script",
}];

const BROWSER: [Package; 2] = [
    Package {
        name: "chromium",
        there: || program("chromium").is_some(),
        why: "a real browser signs in, in a test",
    },
    Package {
        name: "chromium-driver",
        there: || program("chromedriver").is_some(),
        why: "drives it",
    },
];

pub(super) fn install(paths: &Paths) -> Result<()> {
    for (name, why) in [("python3", "runs the emulator"), ("npm", "gets the demo's team")] {
        if program(name).is_none() {
            bail!("'{name}' is missing ({why}): install it and start again");
        }
    }
    those(paths, &PACKAGES)
}

/// What only `make lint` needs.
pub(super) fn lint(paths: &Paths) -> Result<()> {
    those(paths, &LINT)
}

/// What only the browser's test needs.
pub(super) fn browser(paths: &Paths) -> Result<()> {
    those(paths, &BROWSER)
}

fn those(paths: &Paths, packages: &[Package]) -> Result<()> {
    let missing: Vec<&Package> = packages.iter().filter(|package| !(package.there)()).collect();
    if missing.is_empty() {
        return Ok(());
    }

    let names: Vec<&str> = missing.iter().map(|package| package.name).collect();
    for package in &missing {
        say(&format!("  Debian package {}: {}", package.name, package.why));
    }
    let mut install = apt(&names)?;
    install.args(["install", "--yes", "--no-install-recommends"]).args(&names);
    run(paths, "apt-get update", "apt-update", apt(&names)?.arg("update"))?;
    run(paths, &format!("apt-get install {}", names.join(" ")), "apt", &mut install)
        .with_context(|| by_hand(&names))
}

/// `apt-get` as root; through `sudo` only where it asks for no password.
fn apt(names: &[&str]) -> Result<Command> {
    let Some(apt) = program("apt-get") else {
        bail!("these are missing, and there is no apt-get here: {}", names.join(" "));
    };
    let mut command = Command::new(&apt);
    if !rustix::process::geteuid().is_root() {
        let quiet =
            program("sudo").filter(|sudo| succeeds(Command::new(sudo).args(["-n", "true"])));
        let Some(sudo) = quiet else { bail!(by_hand(names)) };
        command = Command::new(sudo);
        command.args(["-n", "DEBIAN_FRONTEND=noninteractive"]).arg(apt);
    }
    // Another installation may be going on: wait for it instead of failing.
    command.args(["-o", "DPkg::Lock::Timeout=300"]).env("DEBIAN_FRONTEND", "noninteractive");
    Ok(command)
}

fn by_hand(names: &[&str]) -> String {
    format!(
        "type this, then start again:\n\n    sudo apt-get update && \
         sudo apt-get install --yes --no-install-recommends {}\n",
        names.join(" ")
    )
}

fn python_makes_environments() -> bool {
    succeeds(Command::new("python3").args(["-c", "import venv, ensurepip"]))
}

/// Whether the loader's cache knows a shared library.
fn library(name: &str) -> bool {
    let Some(ldconfig) = program("ldconfig") else { return true };
    let Ok(known) = Command::new(ldconfig).arg("-p").output() else { return true };
    String::from_utf8_lossy(&known.stdout).contains(name)
}

fn succeeds(command: &mut Command) -> bool {
    let silent = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    silent.status().is_ok_and(|status| status.success())
}
