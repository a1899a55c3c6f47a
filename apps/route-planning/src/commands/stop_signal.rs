//! How the operating system asks a process to end.

use std::io;

/// Ends when SIGTERM or SIGINT (Ctrl-C) arrives, also when it arrives before anybody waits: it is listened
/// for from the call on. Call it before anything is started that must be stopped.
pub(super) fn stop_signal() -> io::Result<impl Future<Output = io::Result<()>>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        Ok(async move {
            tokio::select! {
                _ = terminate.recv() => Ok(()),
                _ = interrupt.recv() => Ok(()),
            }
        })
    }
    #[cfg(not(unix))]
    Ok(tokio::signal::ctrl_c())
}
