//! How much a module may define. What the limits bound is work: nothing here grows with the square
//! of the bundle.

/// The largest real definition has 27 KiB.
pub const MAX_DEFINITION_BYTES: usize = 512 * 1024;

/// All definitions of a bundle together: they are held several times over while they are read, and
/// a function has little memory. Those of the real packages have 0.6 and 1.1 MiB.
pub const MAX_DEFINED_BYTES: usize = 16 * 1024 * 1024;

/// Skills, or agents and workflows together. The real modules have 50 and 57.
pub const MAX_DEFINITIONS: usize = 1_000;

/// Commands, dependencies or steps of one definition. The most in a real one are 12, 40 and 19.
pub const MAX_PARTS: usize = 200;

/// Step files of one skill: each may become two steps. The most in a real one are 6.
pub const MAX_STEP_FILES: usize = MAX_PARTS / 2;

/// What the record takes of an agent and of a workflow.
pub const MAX_AGENT_NAME: usize = 100;
pub const MAX_TITLE: usize = 200;
pub const MAX_TEXT_BYTES: usize = 64 * 1024;

/// Members and rooms of a bundle, and the cast of one room.
pub const MAX_CAST: usize = 500;

/// Rows of all catalogs together.
pub const MAX_CATALOG_ROWS: usize = 2_000;
