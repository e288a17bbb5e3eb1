//! imports.

pub mod bmad;
pub mod bundle;
pub mod model;
pub mod report;
