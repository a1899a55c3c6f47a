//! Installs PostgreSQL from the distribution's packages where we may, and says what to install
//! where we may not.

use std::process::Command;

use super::account;
use crate::outcome::Outcome;
use crate::process;

/// The package would start a cluster of its own on port 5432; a machine that had no PostgreSQL does
/// not get one.
const SCRIPT: &str = "
set -e
export DEBIAN_FRONTEND=noninteractive
conf=/etc/postgresql-common/createcluster.conf
if [ ! -e $conf ]; then
    mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' > $conf
fi
apt-get update
apt-get install -y --no-install-recommends -o Dpkg::Options::=--force-confold postgresql
";

const ADVICE: &str = "\
PostgreSQL is needed for the tests and was not found. Install the server package of your system \
(Debian, Ubuntu: `sudo apt-get install postgresql`; Fedora: `sudo dnf install postgresql-server`; \
macOS: `brew install postgresql`), or set IDP_PG_BIN to the folder with initdb and postgres, \
or set IDP_TEST_PG to the URL of a running server.";

pub(crate) fn postgresql() -> Outcome {
    let Some(mut shell) = root_shell()? else { return Err(ADVICE.to_owned()) };
    println!("PostgreSQL was not found; installing it with apt-get");
    process::run(shell.args(["-c", SCRIPT])).map_err(|error| format!("{error}\n{ADVICE}"))
}

/// `sh` as root, if this system has apt-get and root is to be had without a password.
fn root_shell() -> Outcome<Option<Command>> {
    if !process::succeeds(Command::new("apt-get").arg("--version")) {
        return Ok(None);
    }
    if account::is_root()? {
        return Ok(Some(Command::new("sh")));
    }
    let has_sudo = process::succeeds(Command::new("sudo").args(["-n", "true"]));
    Ok(has_sudo.then(|| {
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "sh"]);
        sudo
    }))
}
