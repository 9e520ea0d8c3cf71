//! The script of `host-setup`: a person reads it, then runs it as root on the host.

#![expect(clippy::disallowed_methods, reason = "reads the public key that is installed")]

use crate::core::gate::sudoers::Grants;
use crate::core::gate::{Rules, script};
use crate::core::ids::HostName;
use std::fmt::Write as _;
use std::path::Path;

/// The form of a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GateForm {
    /// A POSIX shell script that decides by itself, for a host without the binary.
    Script,
    /// A file of rules for the binary.
    Rules,
}

impl GateForm {
    /// The content of a gate's file: a shell script, or rules as JSON.
    pub(super) fn write(self, rules: &Rules) -> String {
        match self {
            GateForm::Script => script::script(rules),
            GateForm::Rules => serde_json::to_string_pretty(rules).unwrap_or_default(),
        }
    }
}

/// A public key, and what to do if it was not found.
pub(super) struct SetupKey {
    /// Its type and its body, without a comment.
    pub public: Option<String>,
    /// How a person gets the public key, as a sentence; for use where `public` is `None`.
    pub advice: String,
}

impl SetupKey {
    /// Reads the public half beside a private key.
    pub(super) fn read(private: Option<&Path>) -> Self {
        let Some(private) = private else {
            return Self { public: None, advice: "the SSH agent has it; `ssh-add -L` lists it".into() };
        };
        let mut path = private.as_os_str().to_owned();
        path.push(".pub");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let advice = format!("`ssh-keygen -y -f {}` prints it", private.display());
        Self { public: public(&text), advice }
    }
}

/// The type and the body of a public key's line.
fn public(text: &str) -> Option<String> {
    let mut words = text.split_whitespace();
    let (algorithm, body) = (words.next()?, words.next()?);
    let is_algorithm = algorithm.bytes().all(|b| b.is_ascii_alphanumeric() || b"-@.".contains(&b));
    let is_body = body.len() > 40 && body.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b));
    (is_algorithm && is_body).then(|| format!("{algorithm} {body}"))
}

/// A gate, and its key.
pub(super) struct Gate {
    /// `probes` or `changes`.
    pub name: &'static str,
    /// The content of the gate's file, from [`GateForm::write`].
    pub text: String,
    /// The key that logs in through this gate.
    pub key: SetupKey,
}

/// The content of the script.
pub(super) struct SetupScript<'a> {
    /// The name of the host in the configuration.
    pub host: &'a HostName,
    /// The names of all systems on the host.
    pub systems: Vec<&'a str>,
    /// The login user. It stands unquoted in shell text and in sudoers, so it must be a plain word.
    pub user: &'a str,
    /// The form of every gate.
    pub form: GateForm,
    /// The gate for probes; and the one for changes, if they have a key of their own.
    pub gates: Vec<Gate>,
    /// The commands that sudo runs as root; if there are none, no sudoers file is written.
    pub grants: &'a Grants,
}

/// A function of the script. Root follows links in a directory that somebody else may write to, so there it
/// writes nothing. `ls -ldn` is POSIX, `stat` is not.
const CHECK_DIRECTORY: &str = r#"check_directory() {
  dir=$(cd -P "$1" && pwd)
  while :; do
    set -- $(ls -ldn "$dir")
    case $1,$3 in
      ????????w*,*) echo "everybody may write to $dir; correct that first" >&2; exit 1 ;;
      *,0) ;;
      *) echo "$dir does not belong to root; correct that first" >&2; exit 1 ;;
    esac
    [ "$dir" != / ] || break
    dir=$(dirname "$dir")
  done
}
"#;

/// The folder of gates. It belongs to root, so that the login user cannot change what a key allows.
const GATE_DIR: &str = "/usr/local/lib/fieldmedic";

impl SetupScript<'_> {
    /// The text of the script. It can be run again after a change of playbooks, parameters or keys.
    pub(super) fn write(&self) -> String {
        let mut text = format!(
            "#!/bin/sh\n\
             # What Fieldmedic needs on the host {}, and nothing more. Systems: {}.\n\
             # Read it, then run it there as root. Run it again after a change of playbooks, parameters or keys.\n\
             set -eu\n\
             umask 022\n\
             {CHECK_DIRECTORY}\
             id {user} >/dev/null\n",
            self.host,
            self.systems.join(", "),
            user = self.user
        );
        if self.form == GateForm::Rules {
            text += "[ -x /usr/local/bin/fieldmedic ] || { echo 'install the binary at /usr/local/bin/fieldmedic, or \
                     generate this script with --sh' >&2; exit 1; }\n";
        }
        self.write_gates(&mut text);
        self.write_sudoers(&mut text);
        self.write_keys(&mut text);
        text
    }

    fn write_gates(&self, text: &mut String) {
        let mode = if self.form == GateForm::Script { 755 } else { 644 };
        let (folder, _) = GATE_DIR.rsplit_once('/').unwrap_or_default();
        let _ = writeln!(
            text,
            "\n# 1. The gates: the commands that each key may run.\n\
             check_directory {folder}\nmkdir -p {GATE_DIR}\ncheck_directory {GATE_DIR}"
        );
        for gate in &self.gates {
            put(text, &self.path(gate), mode, &gate.text, "");
        }
    }

    fn write_sudoers(&self, text: &mut String) {
        if self.grants.is_empty() {
            return;
        }
        // sudo ignores files with a dot in their names.
        let path = format!("/etc/sudoers.d/fieldmedic-{}", self.user.replace('.', "_"));
        let _ = writeln!(text, "\n# 2. The commands that run as root.\ncheck_directory /etc/sudoers.d");
        put(text, &path, 440, &self.grants.file(self.user), &format!("visudo -cqf {path}.new\n"));
    }

    fn write_keys(&self, text: &mut String) {
        let keys: Vec<&str> = self.gates.iter().filter_map(|gate| gate.key.public.as_deref()).collect();
        let _ = writeln!(
            text,
            "\n# 3. The keys. Older lines of the same keys are removed, because the first one counts; all others stay.\n\
             # To accept a key from one address only, write from=\"203.0.113.7\", before its line.\n\
             # This is done as the user: root follows no link that the user has made."
        );
        let lines: Vec<String> = self.gates.iter().map(|gate| self.line(gate)).collect();
        if keys.is_empty() {
            let _ = writeln!(text, "# For ~{}/.ssh/authorized_keys:\n{}", self.user, lines.join("\n"));
            return;
        }
        let without: Vec<String> =
            keys.iter().filter_map(|key| key.split(' ').nth(1)).map(|body| format!("-e '{body}'")).collect();
        let _ = writeln!(
            text,
            "su -s /bin/sh {user} <<'END-OF-STEP'\nset -eu\numask 077\ncd ~{user}\nmkdir -p .ssh\nchmod 700 .ssh\n\
             cd .ssh\n[ -e authorized_keys ] || : >authorized_keys\n\
             {{ grep -vF {} authorized_keys || true; cat <<'END-OF-KEYS'; }} >authorized_keys.new\n{}\n\
             END-OF-KEYS\nchmod 600 authorized_keys.new\nmv authorized_keys.new authorized_keys\nEND-OF-STEP",
            without.join(" "),
            lines.join("\n"),
            user = self.user
        );
    }

    /// A line for `authorized_keys`. `restrict` leaves no forwarding, no terminal and no start-up file.
    fn line(&self, gate: &Gate) -> String {
        let path = self.path(gate);
        let command = match self.form {
            GateForm::Script => path,
            GateForm::Rules => format!("/usr/local/bin/fieldmedic gate {path}"),
        };
        match &gate.key.public {
            Some(key) => format!("restrict,command=\"{command}\" {key} fieldmedic-{}", gate.name),
            None => {
                format!("# restrict,command=\"{command}\" PUT-THE-PUBLIC-KEY-HERE fieldmedic-{}", gate.name)
            }
        }
    }

    fn path(&self, gate: &Gate) -> String {
        let ending = if self.form == GateForm::Script { "" } else { ".json" };
        format!("{GATE_DIR}/{}-{}{ending}", self.user, gate.name)
    }
}

/// Writes a file as a whole, after a check.
fn put(text: &mut String, path: &str, mode: u32, content: &str, check: &str) {
    let mut end = "END-OF-FILE".to_owned();
    while content.lines().any(|line| line == end) {
        end.push('-');
    }
    let content = content.trim_end();
    let _ = writeln!(
        text,
        "cat >{path}.new <<'{end}'\n{content}\n{end}\nchmod {mode} {path}.new\n{check}mv {path}.new {path}"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_key_is_taken_without_its_comment() {
        let body = "AAAAC3NzaC1lZDI1NTE5AAAAIGx5b3Ugd29uJ3QgZmluZCBhIGtleSBoZXJlISE=";
        assert_eq!(public(&format!("ssh-ed25519 {body} me@x\n")), Some(format!("ssh-ed25519 {body}")));
        for text in
            ["", "ssh-ed25519", "ssh-ed25519 short", &format!("ssh'x {body}"), &format!("ssh-rsa {body}'")]
        {
            assert_eq!(public(text), None, "{text}");
        }
    }

    #[test]
    fn a_text_cannot_end_its_own_file_early() {
        let mut text = String::new();
        put(&mut text, "/x", 644, "a\nEND-OF-FILE\nb\n", "");
        assert!(text.contains("<<'END-OF-FILE-'\na\nEND-OF-FILE\nb\nEND-OF-FILE-\n"), "{text}");
    }
}
