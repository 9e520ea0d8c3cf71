//! Processes that tests start: their output, and an end to each of them.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// No program of a test takes longer than this.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// Runs a command to its end and gives its output; anything but success is the end of the test.
pub fn finish(command: &mut Command) -> String {
    let name = format!("{command:?}");
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
    let (out, err) = (drain(child.stdout.take()), drain(child.stderr.take()));
    let Some(ended) = wait(&mut child, PATIENCE) else { panic!("{name} did not end within {PATIENCE:?}") };
    let (out, err) = (out.join().unwrap_or_default(), err.join().unwrap_or_default());
    assert!(ended.success(), "{name}: {ended}\n{out}{err}");
    out
}

/// Reads a stream to its end beside everything else.
pub fn drain(stream: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            let _ = stream.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Waits for the end of a process; one that is late is killed.
pub fn wait(child: &mut Child, patience: Duration) -> Option<std::process::ExitStatus> {
    let end = Instant::now() + patience;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < end => std::thread::sleep(Duration::from_millis(20)),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    }
}
