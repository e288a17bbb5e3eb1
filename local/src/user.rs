//! Who runs the database: never root, and in folders which that user can reach.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use crate::{progress::say, settings};

/// The user of PostgreSQL and PgBouncer: an ordinary one when we are root, else ourselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum User {
    Ourselves,
    Other { name: String, uid: u32, gid: u32 },
}

impl User {
    pub fn unprivileged() -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Ourselves);
        }
        let known = fs::read_to_string("/etc/passwd")?;
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| find(&known, name))
            .context("running as root, and there is no user 'postgres' or 'nobody' to drop to")
    }

    /// Makes the command run as this user.
    pub fn run<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        if let Self::Other { uid, gid, .. } = self {
            command.uid(*uid).gid(*gid);
        }
        command
    }

    /// Gives this user a folder: `wanted`, or, when that lies behind a folder
    /// closed to them (a checkout in root's home), one in the temporary folder.
    pub fn folder(&self, wanted: &Path) -> Result<PathBuf> {
        let folder = self.place(wanted);
        if folder != wanted && !folder.exists() {
            let why = "the database's user cannot pass the folders above";
            say(&format!("  {} goes to {}: {why}", wanted.display(), folder.display()));
        }
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        // In a folder where everybody may write, somebody else may have been there first.
        let owner = fs::metadata(&folder)?.uid();
        let known = [rustix::process::geteuid().as_raw(), self.uid()];
        ensure!(known.contains(&owner), "{} belongs to user {owner}", folder.display());
        self.own(&folder)?;
        Ok(folder)
    }

    /// Where [`User::folder`] puts it.
    pub fn place(&self, wanted: &Path) -> PathBuf {
        if *self == Self::Ourselves || open_to_all(wanted) {
            return wanted.to_owned();
        }
        let mut hasher = DefaultHasher::new();
        wanted.hash(&mut hasher);
        settings::temporary().join(format!("cadre-{:016x}", hasher.finish()))
    }

    fn uid(&self) -> u32 {
        match self {
            Self::Ourselves => rustix::process::geteuid().as_raw(),
            Self::Other { uid, .. } => *uid,
        }
    }

    pub fn own(&self, path: &Path) -> Result<()> {
        if let Self::Other { uid, gid, .. } = self {
            chown(path, Some(*uid), Some(*gid))?;
        }
        Ok(())
    }

    /// A file only this user (and root) can read.
    pub fn write_private(&self, path: &Path, text: &str) -> Result<()> {
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        self.own(path)
    }
}

fn find(passwd: &str, name: &str) -> Option<User> {
    let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
    let field = |at: usize| line.split(':').nth(at)?.parse::<u32>().ok();
    Some(User::Other { name: name.to_owned(), uid: field(2)?, gid: field(3)? })
}

/// Whether every folder on the way down lets anybody pass.
fn open_to_all(path: &Path) -> bool {
    path.ancestors()
        .skip(1)
        .filter_map(|folder| fs::metadata(folder).ok())
        .all(|folder| folder.mode() & 0o001 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let passwd =
            "root:x:0:0::/root:/bin/sh\nnobody2:x:7:7:::\nnobody:x:65534:65533:n:/:/bin/no\n";
        let expected = User::Other { name: "nobody".into(), uid: 65534, gid: 65533 };
        assert_eq!(find(passwd, "nobody"), Some(expected));
        assert_eq!(find(passwd, "postgres"), None);
    }

    #[test]
    fn a_folder_behind_a_closed_one_moves_to_the_temporary_folder() {
        let closed = settings::temporary().join(format!("cadre-closed-{}", std::process::id()));
        fs::create_dir_all(closed.join("inside")).unwrap();
        let other = User::Other { name: "x".into(), uid: 1, gid: 1 };
        let wanted = closed.join("inside/data");

        assert_eq!(other.place(&wanted), wanted);
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(User::Ourselves.place(&wanted), wanted);
        let moved = other.place(&wanted);
        assert!(moved.parent() == Some(&settings::temporary()) && moved == other.place(&wanted));
        fs::remove_dir_all(&closed).unwrap();
    }
}
