//! Programs of the distribution's packages: finds them, installs them with `apt-get` where we may,
//! and says what to install where we may not.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::patience::Patience;
use super::{account, cache};
use crate::interrupt::Running;
use crate::outcome::Outcome;
use crate::process;

/// What somebody has to install.
pub(crate) struct Need {
    pub(crate) title: &'static str,
    /// Of Debian and its children.
    pub(crate) package: &'static str,
    /// The advice for other systems.
    pub(crate) elsewhere: &'static str,
}

/// The packages of servers would start a server at once and at each boot; a machine that had none
/// does not get one. PostgreSQL has its own word for that, the others ask the policy and systemd.
const SCRIPT: &str = r#"
set -e
package=$1
export DEBIAN_FRONTEND=noninteractive
conf=/etc/postgresql-common/createcluster.conf
if [ "$package" = postgresql ] && [ ! -e $conf ]; then
    mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' >$conf
fi
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    trap 'rm -f $policy' EXIT
    trap 'exit 1' HUP INT TERM
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod +x $policy
fi
apt-get update || echo "the lists of packages stay as they are" >&2
apt-get -o DPkg::Lock::Timeout=600 -o Dpkg::Options::=--force-confold install -y \
    --no-install-recommends "$package"
if [ "$package" != postgresql ] && [ -d /run/systemd/system ]; then
    systemctl disable "$package" || true
fi
"#;

/// The program on PATH, or where Debian keeps what is for administrators.
pub(crate) fn program(name: &str, need: &Need, patience: &Patience) -> Outcome<PathBuf> {
    find_or_install(need, patience, || find(name))
}

/// What `find` finds, if need be after the installation. `apt-get` works alone, and several kinds may
/// need a package at the same time, even the same.
pub(crate) fn find_or_install<T>(
    need: &Need,
    patience: &Patience,
    find: impl Fn() -> Option<T>,
) -> Outcome<T> {
    if let Some(found) = find() {
        return Ok(found);
    }
    let _alone = cache::lock("apt-get", patience)?;
    if let Some(found) = find() {
        return Ok(found);
    }
    patience.check()?;
    install(need)?;
    find().ok_or_else(|| {
        format!("{} was installed, but its programs are not found\n{}", need.package, need.advice())
    })
}

pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let administration = ["/usr/local/sbin", "/usr/sbin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(administration)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

/// Once begun, it is not given up for the sake of others: half a package is worse than none.
fn install(need: &Need) -> Outcome {
    let Some(mut shell) = root_shell()? else { return Err(need.advice()) };
    eprintln!("{} was not found; installing it with apt-get", need.title);
    shell.args(["-c", SCRIPT, "install", need.package]).stdin(Stdio::null());
    let status = Running::spawn_group(&mut shell)?.wait()?;
    if status.success() {
        return Ok(());
    }
    Err(format!("apt-get failed ({status}); its output is above\n{}", need.advice()))
}

impl Need {
    fn advice(&self) -> String {
        let Need { title, package, elsewhere } = self;
        format!(
            "{title} is needed for the tests and was not found. Debian, Ubuntu: `sudo apt-get \
             install {package}`; elsewhere: {elsewhere}"
        )
    }
}

/// `sh` as root, if this system has apt-get and root is to be had without a password.
fn root_shell() -> Outcome<Option<Command>> {
    if !Path::new("/usr/bin/apt-get").is_file() {
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
