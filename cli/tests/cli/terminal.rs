//! Somebody at a terminal: an own home, a token, and an eye on what is printed.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use uuid::Uuid;

use crate::server::Server;

/// No word of this may ever be printed.
pub(crate) const TOKEN: &str = "secret-token-5e1f";

pub(crate) struct Terminal {
    pub(crate) home: PathBuf,
    variables: Vec<(String, String)>,
}

pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Terminal {
    /// Nobody is signed in, and nothing is set.
    pub(crate) fn bare() -> Self {
        let home = std::env::temp_dir().join(format!("cadre-{}", Uuid::new_v4().simple()));
        fs::create_dir(&home).unwrap();
        let variables = vec![("HOME".into(), home.display().to_string())];
        Self { home, variables }
    }

    /// With the server's address and a token in the variables.
    pub(crate) fn at(server: &Server) -> Self {
        Self::bare().set("CADRE_API", &server.url).set("CADRE_TOKEN", TOKEN)
    }

    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// A file in the home, by its full path.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.home.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cadre"));
        command.args(args).env_clear().current_dir(&self.home).stdin(Stdio::null());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Said {
        Said::of(&self.command(args).output().unwrap())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.home);
    }
}

impl Said {
    pub(crate) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let said = Self {
            code: output.status.code().unwrap(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        };
        for text in [&said.out, &said.err] {
            assert!(!text.contains(TOKEN), "the token was printed: {text}");
        }
        said
    }

    #[track_caller]
    pub(crate) fn good(&self) -> &str {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        &self.out
    }

    /// What was said on the error stream, if it ended with this code and no output.
    #[track_caller]
    pub(crate) fn bad(&self, code: i32) -> &str {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        assert_eq!(self.out, "", "an error is no output");
        &self.err
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(self.good()).unwrap()
    }
}
