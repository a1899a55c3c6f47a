//! `cargo xtask tidy`: what the compiler and clippy cannot see of how this codebase is written.
//!
//! Each check is a function from the project to its faults, and each fault says what to do. All
//! faults are shown at once.

mod adr;
mod attributes;
mod banned;
mod changelog;
mod clauses;
mod contents;
mod crate_shape;
mod dead_files;
mod dependencies;
mod fault;
mod headers;
mod items;
mod layering;
mod length;
mod lexer;
mod links;
mod root_listing;
mod source;
mod test_servers;
mod tree;

use crate::outcome::Outcome;
use crate::workspace::{self, Workspace};
use fault::Fault;
use tree::Tree;

/// What the checks look at, read once.
#[derive(Default)]
pub(crate) struct Project {
    tree: Tree,
    workspace: Workspace,
}

type Check = fn(&Project) -> Vec<Fault>;

const CHECKS: &[(&str, Check)] = &[
    ("root listing", root_listing::check),
    ("layering", layering::check),
    ("dependencies", dependencies::check),
    ("crate shape", crate_shape::check),
    ("table of contents", contents::check),
    ("dead files", dead_files::check),
    ("headers", headers::check),
    ("length", length::check),
    ("banned", banned::check),
    ("attributes", attributes::check),
    ("contract clauses", clauses::check),
    ("test servers", test_servers::check),
    ("decisions", adr::check),
    ("links", links::check),
    ("changelog", changelog::check),
];

pub(crate) fn run() -> Outcome {
    let project = Project { tree: Tree::read(&workspace::root())?, workspace: Workspace::load()? };
    let mut faults = 0;
    for (name, check) in CHECKS {
        for fault in check(&project) {
            println!("{fault} [{name}]");
            faults += 1;
        }
    }
    if faults == 0 { Ok(()) } else { Err(format!("tidy found {faults} faults; they are above")) }
}

#[cfg(test)]
impl Project {
    /// A project of these files, without packages.
    fn of<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let files = files.into_iter().map(|(path, text)| (path, text.to_owned()));
        Project { tree: Tree::of(files), ..Project::default() }
    }
}
