//! Route planning: the tutorial application of idp, small enough to be read in ten minutes.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod application;
pub mod board;

pub mod http;
pub mod import;

pub mod bootstrap;
pub mod metrics;
pub mod outlet;
pub mod service;
pub mod settings;

pub mod cli;
mod commands;
