//! The host's own say: what `host-setup` prints is put on the server, and the server then admits what the
//! agent needs and nothing else, by sudo too.

use crate::agent::Agent;
use crate::fixture::Fixture;
use crate::stack::{Stack, drain, wait};
use crate::tracker::Left;
use fieldmedic::core::gate::{DENIED, REFUSED};
use std::process::{Command, Stdio};
use std::time::Duration;

pub fn disk_full_behind_the_binary(fixture: &Fixture) {
    let agent = fixture.agent();
    agent.part_keys();
    agent.edit_playbooks(&[("disk-full.yaml", "for: 20s", "for: 2s")]);
    let binary = fixture.stack.dir().join("bin/fieldmedic");
    let binary = binary.to_str().expect("text");
    fixture.stack.administer(&format!("cp '{}' '{binary}'", env!("CARGO_BIN_EXE_fieldmedic")));
    let setup = agent.run(&["host-setup", "qfieldcloud"]);
    assert_eq!(setup.code, 0, "the exit code of `host-setup`");
    let setup = setup.stdout.replace("/usr/local/bin/fieldmedic", binary);
    install(fixture.stack, &setup);
    assert_gated(&agent);
    root_follows_no_link_of_the_user(fixture.stack, &setup);
    refuses_all_else(fixture.stack, &agent);
    sudo_is_narrow(fixture.stack);

    fixture.stack.fault("disk-full-log", &[]);
    let before = fixture.stack.truth();
    let issue = fixture.tracker.file("Upload fails: No space left on device", "It worked on Friday.");
    let run = agent.run(&["resolve", &issue.to_string()]);
    fixture.note_case(&agent);
    assert_eq!(run.code, 0, "the exit code of `resolve`");
    fixture.tracker.issue(&issue).assert_resolved();
    let after = fixture.assert_unharmed_since(&before);
    assert!(after.disk.used_percent < 90, "the disk is at {} %", after.disk.used_percent);
    ends_at_its_deadline(fixture, &agent);
}

/// Runs the printed text as the server's administrator, who allows nothing but that by sudo.
pub fn install(stack: &Stack, text: &str) {
    stack.administer(&format!("rm -f '/etc/sudoers.d/{}'", stack.user));
    // What the gate tells the system's log, where a test can read it.
    let log = format!("{}/home/gate.log", stack.dir().display());
    let logger = format!("{}/bin/logger", stack.dir().display());
    stack.administer(&format!(
        r#"cat >{logger} <<'END'
#!/bin/sh
printf '%s\n' "$*" >>{log}
END
chmod 755 {logger}
: >{log}
chown '{}' {log}"#,
        stack.user
    ));
    stack.administer(text);
}

pub fn assert_gated(agent: &Agent) {
    let doctor = agent.run(&["doctor"]);
    assert_eq!(doctor.code, 0, "the exit code of `doctor`");
    for what in ["probes", "changes"] {
        let line = format!("gate for {what}: it allows exactly what these playbooks need");
        assert!(doctor.stdout.contains(&line), "`doctor` does not see the gate for {what}");
    }
}

/// The one look that is a plain command.
fn look(stack: &Stack) -> String {
    format!("cd -- {} && docker compose ps -a --format json", stack.env("LIVE_PROJECT"))
}

/// Everything that the keys are not for, by OpenSSH's own client.
pub fn refuses_all_else(stack: &Stack, agent: &Agent) {
    let look = look(stack);
    let look = look.as_str();
    assert_eq!(ssh(stack, agent, "key", &[], &[look]).0, 0, "a look is admitted");
    let change = "docker builder prune -f";
    let refused = [
        ("key", ""),
        ("key", "id"),
        ("key", &look.replace("ps -a", "ps  -a")),
        ("key", &format!("{look}\nid")),
        ("key", &format!("{look};id")),
        ("key", &format!("{look} $(id)")),
        ("key", "df -P /x'$(id)' / /tmp"),
        ("key", change),
        ("change", look),
        ("change", "docker builder prune -af"),
    ];
    for (key, command) in refused {
        let (code, out, err) = ssh(stack, agent, key, &[], &[command]);
        assert!(code == REFUSED && out.is_empty() && err.contains(DENIED), "{command:?}: {code} {out}{err}");
    }
    let logged = stack.read("home/gate.log");
    assert!(logged.lines().count() == refused.len(), "each refusal is logged, in a line:\n{logged}");

    let (_, _, err) = ssh(stack, agent, "key", &["-tt"], &[look]);
    assert!(err.contains("PTY allocation request failed"), "there is a terminal: {err}");

    let forward = format!("127.0.0.1:{}", stack.env("LIVE_SSH_PORT"));
    let (code, out, _) = ssh(stack, agent, "key", &["-W", &forward], &[]);
    assert!(code != 0 && !out.contains("SSH-2.0"), "a port is forwarded");
    let (code, _, _) = ssh(stack, agent, "key", &["-s"], &["sftp"]);
    assert_ne!(code, 0, "sftp is there");
    let (code, ..) = ssh(stack, agent, "key", &[], &["scp -t /tmp"]);
    assert_eq!(code, REFUSED, "scp is admitted");
}

/// The user, or a thief with the user's rights, has put links where the script writes.
fn root_follows_no_link_of_the_user(stack: &Stack, setup: &str) {
    let victim = stack.dir().join("root-only");
    let (victim, home) = (victim.display(), stack.dir().join("home"));
    let home = home.display();
    stack.administer(&format!("mkdir '{victim}'; echo data >'{victim}/file'; chmod -R go= '{victim}'"));
    let state = format!("ls -lnR --time-style=full-iso '{victim}'; cat '{victim}/file'");
    let before = stack.administer(&state);
    for (trap, undo) in [
        (
            format!("ln -s '{victim}/file' '{home}/.ssh/authorized_keys.new'"),
            format!("rm -f '{home}/.ssh/authorized_keys.new'"),
        ),
        (
            format!("mv '{home}/.ssh' '{home}/.ssh.old'; ln -s '{victim}' '{home}/.ssh'"),
            format!("rm '{home}/.ssh'; mv '{home}/.ssh.old' '{home}/.ssh'"),
        ),
    ] {
        let status = stack.administer(&format!(
            "{trap}\nsh >/dev/null 2>&1 <<'SETUP' && echo done || echo refused\n{setup}\nSETUP\n{undo}"
        ));
        assert_eq!(status.trim(), "refused", "{trap}");
        assert_eq!(stack.administer(&state), before, "{trap}");
    }
}

/// sudo allows what is listed, and no word more.
fn sudo_is_narrow(stack: &Stack) {
    let logs = format!("{}/smalldisk/docker/containers", stack.dir().display());
    let listed = |command: &str| {
        let script = format!(
            "sudo -n -u '{}' sudo -n -l {command} >/dev/null 2>&1 && echo yes || echo no",
            stack.user
        );
        stack.administer(&script).trim() == "yes"
    };
    for command in
        ["apt-get clean", "journalctl --vacuum-size=200M", &format!("truncate -s 0 {logs}/a1/a1-json.log")]
    {
        assert!(listed(command), "{command} is not allowed");
    }
    for command in [
        "id",
        "apt-get clean x",
        "apt-get install x",
        "journalctl --vacuum-size=1M",
        "truncate -s 0 /etc/shadow",
        &format!("truncate -s 0 /etc/shadow {logs}/a1/a1-json.log"),
        &format!("truncate -s 0 {logs}/a1/../../x"),
        &format!("truncate -s 1 {logs}/a1/a1-json.log"),
        &format!("find {logs} -name '*-json.log' -size +20M -delete"),
    ] {
        assert!(!listed(command), "{command} is allowed");
    }
}

/// OpenSSH passes no signal on to a forced command: the gate itself ends what is late.
fn ends_at_its_deadline(fixture: &Fixture, agent: &Agent) {
    let stack = fixture.stack;
    stack.administer(&format!("mv '{0}/bin/docker' '{0}/bin/docker.old'", stack.dir().display()));
    let docker = format!("{}/bin/docker", stack.dir().display());
    stack.administer(&format!("printf '#!/bin/sh\\nexec sleep 300\\n' >'{docker}'; chmod 755 '{docker}'"));
    let gate = format!("/usr/local/lib/fieldmedic/{}-probes.json", stack.user);
    stack.administer(&format!("sed -i 's/\"limit_s\": [0-9]*/\"limit_s\": 1/' '{gate}'"));
    let (code, _, said) = ssh(stack, agent, "key", &[], &[&look(stack)]);
    assert_eq!(code, 124, "what is late goes on: {said}");
    assert!(!stack.remote_commands().contains("sleep 300"), "it is still there");
    stack.administer(&format!("mv '{docker}.old' '{docker}'"));
}

/// OpenSSH's own client, with one of the agent's keys.
fn ssh(stack: &Stack, agent: &Agent, key: &str, options: &[&str], command: &[&str]) -> (i32, String, String) {
    let mut ssh = Command::new("ssh");
    ssh.args(["-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "LogLevel=ERROR"]);
    ssh.arg("-o").arg(format!("UserKnownHostsFile={}", agent.known_hosts().display()));
    ssh.args(["-p", &stack.env("LIVE_SSH_PORT")]).arg("-i").arg(agent.path().join(key)).args(options);
    ssh.arg(format!("{}@{}", stack.env("LIVE_SSH_USER"), stack.env("LIVE_SSH_HOST")));
    ssh.args(command.iter().filter(|word| !word.is_empty()));
    ssh.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = ssh.spawn().expect("ssh is installed with openssh-client");
    let (out, err) = (drain(child.stdout.take()), drain(child.stderr.take()));
    let ended = wait(&mut child, Duration::from_secs(30)).expect("ssh comes to an end");
    let (out, err) = (out.join().unwrap_or_default(), err.join().unwrap_or_default());
    (ended.code().unwrap_or(-1), out, err)
}
