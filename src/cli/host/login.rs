//! The way in: a key, the host's key, and the user on the server.

#![expect(
    clippy::disallowed_methods,
    reason = "pins a host key, and runs the person's own ssh where they say so"
)]

use crate::app::ProbeSetup;
use crate::app::settings::{LoadedConfig, read_config};
use crate::cli::answers::{HostAnswers, host_address, login_user};
use crate::cli::config_file::Draft;
use crate::cli::host::sections;
use crate::cli::host::target::{Target, ask_login};
use crate::cli::prompt::{ask, confirm};
use crate::cli::spinner::Spinner;
use crate::console::{eprint, print, print_program};
use crate::ssh::{Access, HostKeys, ShownKey, SshError, make_key, public_key};
use miette::{IntoDiagnostic, Result, WrapErr, bail, miette};
use std::io::{IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What was done so far to get in. Answers of a file count once.
#[derive(Default)]
struct Tried {
    setup: bool,
    /// The file of known hosts that holds the server's key since a person has accepted it.
    pinned: Option<PathBuf>,
}

/// Logs in to a server, with a person's help, and writes its section. Gives the configuration that has it.
///
/// # Errors
/// If the server's key is not accepted or has changed, it cannot be reached or does not let the user in, where nobody can
/// be asked; or a file cannot be written.
pub(super) async fn open(
    path: &Path,
    mut target: Target,
    answers: Option<&HostAnswers>,
) -> Result<(Target, LoadedConfig)> {
    let mut tried = Tried::default();
    let mut docker = answers.map(|answers| answers.docker);
    loop {
        let draft = match target.is_configured {
            true => None,
            false => {
                new_key(path)?;
                Some(Draft::new(path, &sections::host(path, &target))?)
            }
        };
        let current = match &draft {
            Some(_) => None,
            None => Some(read_config(Some(path.to_owned()))?),
        };
        let Some(loaded) = draft.as_ref().map(|draft| &draft.loaded).or(current.as_ref()) else {
            bail!("there is no configuration at {}", path.display());
        };
        let hosts = ProbeSetup::build(loaded)?.hosts;
        let waiting = Spinner::start(&format!("logging in to {}", target.address), None);
        let result = hosts.log_in(&target.name, Access::Probe).await;
        drop(waiting);
        match result {
            Ok(_) => {
                print(&format!("✓ logged in to {} as {}", target.name, target.user));
                let loaded = match (draft, current) {
                    (Some(draft), _) => {
                        let loaded = draft.write()?;
                        print(&format!("written: [hosts.{}] in {}", target.name, path.display()));
                        loaded
                    }
                    (None, Some(current)) => current,
                    (None, None) => bail!("there is no configuration at {}", path.display()),
                };
                target.is_configured = true;
                return Ok((target, loaded));
            }
            Err(SshError::HostKeyUnknown { shown, .. }) => {
                let usual = loaded.config.hosts.get(&target.name).map(|host| host.usual[0].clone());
                trust(&shown, usual.as_deref(), answers)?;
                tried.pinned = Some(shown.file.clone());
            }
            Err(error @ SshError::Refused { .. }) => {
                let entry = loaded.config.hosts.get(&target.name);
                let Some(key) = entry.and_then(|entry| entry.key.clone()) else { bail!("{error}") };
                set_up(&target, &key, &error, answers, &mut docker, &mut tried)?;
            }
            Err(
                error @ (SshError::Unreachable { .. }
                | SshError::NoAnswer { .. }
                | SshError::Dropped { .. }
                | SshError::Handshake { .. }),
            ) if answers.is_none() && !target.is_configured => {
                eprint(&format!("  {error}"));
                target.address = ask("The address of the server", &target.address, host_address)?;
                (target.port, target.user) = ask_login()?;
            }
            Err(error) => return Err(error).into_diagnostic(),
        }
    }
}

/// Makes the key if there is none. All servers that are added have the same.
fn new_key(path: &Path) -> Result<()> {
    let file = sections::key_file(path);
    if !file.exists() {
        make_key(&file).into_diagnostic().wrap_err_with(|| format!("the key {}", file.display()))?;
        eprint(&format!("· made {}, the private key; only you can read it", file.display()));
    }
    Ok(())
}

/// Shows the key of a server for a yes, and pins it.
fn trust(shown: &ShownKey, usual: Option<&Path>, answers: Option<&HostAnswers>) -> Result<()> {
    let ShownKey { at, algorithm, fingerprint, file, line } = shown;
    let is_known = usual.is_some_and(|usual| HostKeys::holds(usual, shown));
    let by = usual.map(|usual| usual.display().to_string()).unwrap_or_default();
    match answers {
        None => {
            let kind = algorithm.trim_start_matches("ssh-").split('-').next().unwrap_or_default();
            eprint(&format!(
                "The server {at} shows an {algorithm} key with the fingerprint\n  {fingerprint}\n\
                 On the server, this shows it: ssh-keygen -lf /etc/ssh/ssh_host_{kind}_key.pub"
            ));
            if is_known {
                eprint(&format!("Your {by} holds the same key for it."));
            }
            if !confirm("Is it the same", is_known.then_some(true))? {
                bail!("the key of the server was not accepted, so nothing was written");
            }
        }
        Some(HostAnswers { host_key: Some(expected), .. }) if expected != fingerprint => {
            bail!(
                "the server {at} shows a key with the fingerprint {fingerprint}, and `host.host_key` is {expected}: it may be \
                 another server, or somebody in between"
            )
        }
        Some(HostAnswers { host_key: None, .. }) if !is_known => {
            let help = format!(
                "compare it on the server (`ssh-keygen -lf` of a file /etc/ssh/ssh_host_*_key.pub), then add to [host]: \
                 host_key = \"{fingerprint}\""
            );
            return Err(miette!(
                help = help,
                "the key of the server {at} is not known: its fingerprint is {fingerprint}"
            ));
        }
        Some(_) => {}
    }
    pin(file, line).into_diagnostic().wrap_err_with(|| format!("{} cannot be written", file.display()))?;
    eprint(&format!("· its key is pinned in {}", file.display()));
    Ok(())
}

/// Adds a line to a file of known hosts, on a line of its own.
fn pin(file: &Path, line: &str) -> std::io::Result<()> {
    let before = match std::fs::read(file) {
        Ok(before) => before,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    if let Some(dir) = file.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        std::fs::create_dir_all(dir)?;
    }
    let start = if before.is_empty() || before.ends_with(b"\n") { "" } else { "\n" };
    let mut file = std::fs::OpenOptions::new().append(true).create(true).mode(0o644).open(file)?;
    file.write_all(format!("{start}{line}\n").as_bytes())
}

/// Says what the server needs to let the user in, and does it over the person's own ssh if they say so.
fn set_up(
    target: &Target,
    key: &Path,
    error: &SshError,
    answers: Option<&HostAnswers>,
    docker: &mut Option<bool>,
    tried: &mut Tried,
) -> Result<()> {
    let public = public_key(key).into_diagnostic().wrap_err_with(|| format!("the key {}", key.display()))?;
    let user = login_user(&target.user).map_err(|why| miette!("[hosts.{}] user: {why}", target.name))?;
    if let Some(answers) = answers {
        let script = setup_script(&user, &public, answers.docker);
        return match &answers.admin {
            Some(admin) if !tried.setup => {
                tried.setup = true;
                over_ssh(target, admin, &script, tried.pinned.as_deref())
            }
            _ => {
                // Apart from the error, whose lines are wrapped: it is copied as a whole.
                print_program(&by_root(&script));
                let help = "run the command above on the server as root, or add `admin` to [host]";
                Err(miette!(help = help, "{error}"))
            }
        };
    }
    if tried.setup {
        eprint(&format!("  {error}"));
    }
    tried.setup = true;
    let docker = match *docker {
        Some(docker) => docker,
        None => *docker.insert(confirm(
            &format!("The server does not know the user `{user}` with this key yet. May it use Docker, if that is there? \
                      Its group is as good as root; `fieldmedic host-setup` can restrict the key later"),
            Some(true),
        )?),
    };
    let script = setup_script(&user, &public, docker);
    eprint("Run this on the server, as root. It creates the user and lets the key in:\n");
    print_program(&by_root(&script));
    let question =
        "Enter when that is done, or your own login there (such as root) to run it now over your ssh";
    let admin = ask(question, "", |answer| match answer.is_empty() {
        true => Ok(None),
        false => login_user(answer).map(Some),
    })?;
    match admin {
        Some(admin) => over_ssh(target, &admin, &script, tried.pinned.as_deref()),
        None => Ok(()),
    }
}

/// Creates the user without a password, and adds the key as that user: root follows no link that the user has made. It
/// can run again. It has no single quote, so that it can stand in some.
fn setup_script(user: &str, public: &str, docker: bool) -> String {
    let groups = if docker { "systemd-journal docker" } else { "systemd-journal" };
    format!(
        "set -eu; u={user}; k=\"{public}\"; id \"$u\" >/dev/null 2>&1 || useradd -m -s /bin/sh -p \"*\" \"$u\" 2>/dev/null || \
         adduser -D -s /bin/sh \"$u\"; for g in {groups}; do if grep -q \"^$g:\" /etc/group; then usermod -aG \"$g\" \"$u\" \
         2>/dev/null || addgroup \"$u\" \"$g\"; fi; done; su -s /bin/sh \"$u\" -c \"set -eu; umask 077; cd; mkdir -p .ssh; \
         touch .ssh/authorized_keys; grep -qxF \\\"$k\\\" .ssh/authorized_keys || echo \\\"$k\\\" >>.ssh/authorized_keys\"; \
         echo \"$u can log in\""
    )
}

fn by_root(script: &str) -> String {
    format!("sh -c '{script}'")
}

/// Runs the script over the person's own ssh, which asks for what it needs. A key of the server that was accepted a
/// moment ago is not asked for again.
fn over_ssh(target: &Target, admin: &str, script: &str, pinned: Option<&Path>) -> Result<()> {
    let mut command = Command::new("ssh");
    command.arg("-p").arg(target.port.to_string());
    if let Some(pinned) = pinned {
        let files = format!("UserKnownHostsFile=~/.ssh/known_hosts \"{}\"", pinned.display());
        command.args(["-o", &files]);
    }
    match std::io::stdin().is_terminal() {
        // sudo may ask for a password.
        true => command.arg("-t"),
        false => command.args(["-o", "BatchMode=yes"]).stdin(Stdio::null()),
    };
    let sudo = if admin == "root" { "" } else { "sudo " };
    command.arg(format!("{admin}@{}", target.address)).arg(format!("{sudo}{}", by_root(script)));
    // What it says is for the person, and no result of this command.
    command.stdout(std::io::stderr());
    let status = command.status().into_diagnostic().wrap_err("ssh cannot be started")?;
    if !status.success() {
        eprint(&format!("  ssh as {admin} ended with {status}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJeLbOadKcJZBkq8dIzlkIbF1+DX/imaht46Pcn/43Mk fieldmedic";

    /// The script with a user database and a `su` of its own, in a directory: run twice, it adds the key once.
    #[test]
    fn the_setup_adds_the_key_once_and_privately() {
        let dir = tempfile::tempdir().unwrap();
        let script = setup_script("medic", KEY, true);
        assert!(!script.contains('\''));
        for _ in 0..2 {
            let bin = dir.path().join("bin");
            std::fs::create_dir_all(&bin).unwrap();
            let tool = |name: &str, text: &str| {
                let file = bin.join(name);
                std::fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
                std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
            };
            tool("id", "[ -e \"$PLACE/made\" ]");
            tool("useradd", "echo \"$@\" >>\"$PLACE/made\"");
            tool("usermod", "true");
            tool("su", "cd / && HOME=$PLACE exec sh -c \"$5\"");
            let ran = Command::new("sh")
                .args(["-c", &by_root(&script)])
                .env("PLACE", dir.path())
                .env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()))
                .output()
                .unwrap();
            assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        }
        let keys = dir.path().join(".ssh/authorized_keys");
        assert_eq!(std::fs::read_to_string(&keys).unwrap(), format!("{KEY}\n"));
        let mode = |path: &Path| {
            std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).unwrap().permissions())
        };
        assert_eq!((mode(&keys) & 0o777, mode(&dir.path().join(".ssh")) & 0o777), (0o600, 0o700));
        assert_eq!(std::fs::read_to_string(dir.path().join("made")).unwrap(), "-m -s /bin/sh -p * medic\n");
    }

    #[test]
    fn a_pinned_key_stands_on_a_line_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("new/known_hosts");
        pin(&file, "a x y").unwrap();
        std::fs::write(&file, "a x y").unwrap();
        pin(&file, "b x y").unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "a x y\nb x y\n");
    }
}
