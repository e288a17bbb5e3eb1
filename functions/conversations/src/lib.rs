//! conversations.
