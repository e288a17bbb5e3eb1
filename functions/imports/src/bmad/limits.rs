//! How much a module may define. What the limits bound is work: nothing here grows with the square
//! of the bundle.

/// The largest real definition has 27 KiB.
pub const MAX_DEFINITION_BYTES: usize = 512 * 1024;

/// Skills, or agents and workflows together. The real modules have 50 and 57.
pub const MAX_DEFINITIONS: usize = 1_000;

/// Commands, dependencies or steps of one definition. The most in a real one are 12, 40 and 19.
pub const MAX_PARTS: usize = 200;

/// Members, groups and reviewers of one skill.
pub const MAX_CAST: usize = 500;

/// Rows of all catalogs together.
pub const MAX_CATALOG_ROWS: usize = 2_000;
