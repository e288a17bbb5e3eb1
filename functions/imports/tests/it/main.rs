//! Importing: real packages, small fixtures of their shapes, and what a hostile sender may try.

mod packages;
