//! Reading the definitions of `BMad`: which generation a bundle is written in, and what it defines.

mod activation;
mod cast;
mod catalog;
mod command;
mod embedded_agent;
mod embedded_module;
mod embedded_step;
mod embedded_workflow;
mod files;
mod fit;
mod front;
mod generation;
mod installed;
mod library;
pub mod limits;
mod merge;
mod names;
mod origin;
mod pack;
mod party;
mod placeholders;
mod prose;
mod roster;
mod settings;
mod skill_agent;
mod skill_files;
mod skill_module;
mod skill_workflow;
mod skills;
mod slug;
mod steps;
mod yaml;

pub use merge::{MergeFault, merge};

use limits::MAX_DEFINED_BYTES;

use crate::bundle::{Bundle, Refusal};
use crate::model::{Generation, Import};

/// Reads what a bundle defines. Single files that cannot be read are named in the report; a bundle
/// is refused only when nothing of it can be used.
pub fn read(bundle: &Bundle) -> Result<Import, Refusal> {
    if files::defined_bytes(bundle) > MAX_DEFINED_BYTES {
        return Err(Refusal::TooMuchText(MAX_DEFINED_BYTES / (1024 * 1024)));
    }
    match generation::detect(bundle) {
        Some(Generation::A) => embedded_module::read(bundle),
        Some(Generation::D) => skill_module::read(bundle),
        Some(other) => Err(generation::unsupported(other)),
        None => Err(generation::unknown(bundle)),
    }
}
