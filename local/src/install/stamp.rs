//! What was installed, by a digest of everything that was pinned.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;
use sha2::{Digest, Sha256};

use crate::hex;

pub(super) struct Stamp {
    file: PathBuf,
    key: String,
}

impl Stamp {
    pub(super) fn new(tools: &Path, name: &str, pinned: &[&str]) -> Self {
        let mut digest = Sha256::new();
        for part in pinned {
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        }
        Self { file: tools.join("stamps").join(name), key: hex(&digest.finalize()) }
    }

    /// Whether exactly this was installed before, and is still there.
    pub(super) fn holds(&self, proof: &Path) -> bool {
        proof.exists() && fs::read_to_string(&self.file).is_ok_and(|key| key == self.key)
    }

    pub(super) fn set(&self) -> Result<()> {
        if let Some(folder) = self.file.parent() {
            fs::create_dir_all(folder)?;
        }
        Ok(fs::write(&self.file, &self.key)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_holds_only_for_the_same_pins_and_while_the_thing_is_there() {
        let tools = std::env::temp_dir().join(format!("cadre-stamp-{}", std::process::id()));
        let proof = tools.join("thing");
        let stamp = Stamp::new(&tools, "x", &["a==1", "b==2"]);
        assert!(!stamp.holds(&proof));
        stamp.set().unwrap();
        assert!(!stamp.holds(&proof));
        fs::write(&proof, "").unwrap();
        assert!(stamp.holds(&proof));
        assert!(!Stamp::new(&tools, "x", &["a==1b", "==2"]).holds(&proof));
        fs::remove_dir_all(&tools).unwrap();
    }
}
