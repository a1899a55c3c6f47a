//! How a command ends: well or with a message that says what to do, and with the tally of its
//! tests.

use std::process::ExitCode;

use crate::tally::Tally;

/// The error is the message for the person at the terminal.
pub(crate) type Outcome<T = ()> = Result<T, String>;

pub(crate) struct Ending {
    pub(crate) outcome: Outcome,
    pub(crate) tally: Option<Tally>,
}

impl From<Outcome> for Ending {
    fn from(outcome: Outcome) -> Self {
        Ending { outcome, tally: None }
    }
}

impl Ending {
    /// The message first, so that the tally is the last line in every case.
    pub(crate) fn report(self) -> ExitCode {
        let code = match self.outcome {
            Ok(()) => ExitCode::SUCCESS,
            Err(message) => {
                eprintln!("xtask: {message}");
                ExitCode::FAILURE
            }
        };
        if let Some(tally) = self.tally {
            println!("{tally}");
        }
        code
    }
}
