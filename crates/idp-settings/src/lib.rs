//! Settings.
#![forbid(unsafe_code)]
