//! Lets the command that runs on our servers kill them and start them again: a socket of this user
//! that takes a line and answers with one.
//!
//! | line | does |
//! |---|---|
//! | `where NAME` | answers `ok` and the addresses, one for each variable of the kind |
//! | `kill NAME` | SIGKILL; answers when it has ended |
//! | `stop NAME` | SIGINT, which PostgreSQL takes for a fast shutdown; answers when it has ended |
//! | `start NAME` | starts it again on its data and ports; answers when it serves |
//! | `freeze NAME` | SIGSTOP |
//! | `thaw NAME` | SIGCONT |
//! | `clock NAME SECONDS` | lets its clock show so many seconds more than that of the machine |
//!
//! An answer begins with `ok` or with `failed`.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::c11_waits::C11Waits;
use super::faketime;
use super::server::Server;
use crate::outcome::Outcome;

/// Tells the command where the socket is.
pub(crate) const VARIABLE: &str = "IDP_SERVERS_CONTROL";

/// The servers stop when the value goes.
pub(crate) struct Control {
    servers: Arc<Mutex<Vec<Server>>>,
    path: PathBuf,
    stepping: Option<Stepping>,
}

/// What processes of the command load to go by clocks that it steps.
pub(crate) struct Stepping {
    pub(crate) library: PathBuf,
    pub(crate) waits: C11Waits,
}

impl Control {
    /// Over these servers; the command is told what steps clocks.
    pub(crate) fn over(servers: Vec<Server>, stepping: Option<Stepping>) -> Outcome<Self> {
        let path = std::env::temp_dir().join(format!("idp-control-{}", std::process::id()));
        drop(std::fs::remove_file(&path));
        let listener = UnixListener::bind(&path)
            .map_err(|error| format!("cannot listen on {}: {error}", path.display()))?;
        let control = Control { servers: Arc::new(Mutex::new(servers)), path, stepping };
        let servers = Arc::clone(&control.servers);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let servers = Arc::clone(&servers);
                // A client that goes away needs no more answers.
                std::thread::spawn(move || drop(serve(client, &servers)));
            }
        });
        Ok(control)
    }

    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let mut variables: Vec<_> =
            locked(&self.servers).iter().flat_map(Server::variables).collect();
        variables.push((VARIABLE, self.path.to_string_lossy().into_owned()));
        let loaded = |with: &Stepping| faketime::with_waits(&with.library, &with.waits);
        variables.extend(self.stepping.iter().map(|with| (faketime::VARIABLE, loaded(with))));
        variables
    }

    /// Says after the work whether a server is not running.
    pub(crate) fn report_losses(&self) {
        for server in locked(&self.servers).iter_mut() {
            if let Err(message) = server.check() {
                eprintln!("xtask: {message}");
            }
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.path));
        let servers = std::mem::take(&mut *locked(&self.servers));
        drop(servers);
    }
}

fn locked(servers: &Mutex<Vec<Server>>) -> MutexGuard<'_, Vec<Server>> {
    servers.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(client: UnixStream, servers: &Mutex<Vec<Server>>) -> std::io::Result<()> {
    let mut answers = client.try_clone()?;
    for line in BufReader::new(client).lines() {
        let answer = match obey(&line?, servers) {
            Ok(answer) => format!("ok {answer}"),
            Err(message) => format!("failed {}", message.replace('\n', " | ")),
        };
        writeln!(answers, "{}", answer.trim_end())?;
    }
    Ok(())
}

fn obey(line: &str, servers: &Mutex<Vec<Server>>) -> Outcome<String> {
    let mut servers = locked(servers);
    let mut words = line.split(' ');
    let [order, name, value] = [(); 3].map(|()| words.next().unwrap_or_default());
    let server = servers.iter_mut().find(|server| server.name() == name);
    let server = server.ok_or_else(|| format!("there is no server `{name}`"))?;
    match order {
        "where" => {
            let addresses = server.variables().into_iter().map(|(_, address)| address);
            return Ok(addresses.collect::<Vec<_>>().join(" "));
        }
        "kill" => server.end_by("KILL")?,
        "stop" => server.end_by("INT")?,
        "start" => server.start_again()?,
        "freeze" => server.signal("STOP")?,
        "thaw" => server.signal("CONT")?,
        "clock" => server.set_clock(value)?,
        _ => {
            return Err(format!(
                "`{order}` is not kill, stop, start, freeze, thaw, clock or where"
            ));
        }
    }
    Ok(String::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_for_an_unknown_server_is_refused() {
        let none = Mutex::new(Vec::new());
        assert!(obey("kill pg", &none).expect_err("none is there").contains("no server `pg`"));
        assert!(obey("kill", &none).is_err());
    }

    #[test]
    fn the_socket_answers_and_goes_with_the_value() {
        let control = Control::over(Vec::new(), None).expect("the temp dir is writable");
        let path = control.path.clone();
        let mut client = UnixStream::connect(&path).expect("it listens");
        client.write_all(b"start oracle\n").expect("it reads");
        let mut answer = String::new();
        BufReader::new(client).read_line(&mut answer).expect("it answers");
        assert_eq!(answer, "failed there is no server `oracle`\n");
        drop(control);
        assert!(!path.exists());
    }
}
