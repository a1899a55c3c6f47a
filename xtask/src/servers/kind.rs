//! What sets one kind of server apart; everything else about starting and stopping is the same.

use std::process::Command;
use std::time::Duration;

use super::home::Home;
use super::patience::Patience;
use crate::outcome::Outcome;

/// One constant of this type stands in the file of each kind.
pub(crate) struct Kind {
    /// On the command line.
    pub(crate) name: &'static str,
    /// In messages.
    pub(crate) title: &'static str,
    /// Tell the tests where the server is. A server is given from outside if all of them are set.
    pub(crate) variables: &'static [&'static str],
    /// From the start of the process until it serves.
    pub(crate) start_timeout: Duration,
    /// What the process group gets at the end. Nobody reads the data again, so most kinds are
    /// killed.
    pub(crate) stop_signal: &'static str,
    /// Finds the programs, or installs them where we may; the error says what to install.
    pub(crate) find_or_install: fn(&Patience) -> Outcome<Box<dyn Recipe>>,
}

/// How to run the programs that were found.
pub(crate) trait Recipe: Send {
    /// Writes configuration and data into the home, and gives the command of the server: one of
    /// [`Home::daemon`], that stays in the foreground.
    fn prepare(&self, home: &Home) -> Outcome<Command>;

    /// Whether it does its work by now; asked again and again.
    fn is_ready(&self, home: &Home) -> bool;

    /// The values of [`Kind::variables`], in their order.
    fn addresses(&self, home: &Home) -> Vec<String>;
}
