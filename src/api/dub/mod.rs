//! Dub
