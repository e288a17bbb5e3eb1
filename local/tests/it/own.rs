//! A stack for one test.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use local::{
    paths::Paths,
    stack::{self, Options, Part},
};

/// A stack of this test's own, removed at its end.
pub(crate) struct Own(pub(crate) String);

impl Own {
    pub(crate) fn new(name: &str) -> Self {
        Self(format!("test-{name}-{}", std::process::id()))
    }

    pub(crate) fn options(&self, parts: &[Part]) -> Options {
        Options {
            name: Some(self.0.clone()),
            parts: parts.to_vec(),
            forwarder: Some(PathBuf::from(env!("CARGO_BIN_EXE_forwarder"))),
            // `make test` compiled it before; without, the stack does.
            auth0: Some(Path::new(env!("CARGO_BIN_EXE_forwarder")).with_file_name("auth0"))
                .filter(|program| program.is_file()),
            ..Options::default()
        }
    }

    /// `local … --name <this stack>`.
    pub(crate) fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
        command.args(arguments).args(["--name", &self.0]);
        command
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = stack::stop(Some(&self.0));
        if let Ok(paths) = Paths::find(Some(&self.0)) {
            let _ = fs::remove_dir_all(paths.stack);
        }
    }
}
