//! What a step keeps before it changes something: shell text around its own, so that every playbook
//! keeps alike, and right.
//!
//! What is kept is complete before the change begins, and is on disk. It is never replaced: a step that
//! is run again, even beside its first run, finds what was there before either of them.

use crate::core::diagnosis::plan::KEPT_DIR;

/// The variable that names the place of a step; it holds the value [`crate::core::diagnosis::plan::KEEP`].
pub(super) const VARIABLE: &str = "KEEP";
/// Variables that a step that keeps something cannot have for itself.
pub(super) const TAKEN: [&str; 3] = [VARIABLE, "KEPT", "HOME"];

/// What stands around the script of a step, or of its undo.
#[derive(Debug, Clone, Copy)]
pub(super) enum BackupWrapper<'a> {
    None,
    /// What this script prints is kept first.
    Save(&'a str),
    /// What was kept must be there.
    Restore,
}

impl BackupWrapper<'_> {
    /// The whole text. The script finds the file's path in `$KEPT`.
    pub fn script(self, own: &str) -> String {
        match self {
            BackupWrapper::None => own.to_owned(),
            // A hard link is made only where there is no file yet, by one of two runs.
            BackupWrapper::Save(keep) => format!(
                r#"kept=$HOME/{KEPT_DIR}
KEPT=$kept/$KEEP/kept
if [ ! -e "$KEPT" ]; then
  part=$kept/$KEEP/part.$$
  (umask 077; mkdir -p "$kept/$KEEP"; : >"$part")
  find "$kept/." ! -name . -prune -mtime +90 -exec rm -rf {{}} + || true
  (
{keep}
  ) >"$part"
  sync "$part" 2>/dev/null || sync
  ln "$part" "$KEPT" 2>/dev/null || [ -e "$KEPT" ]
  rm -f "$part"
  sync "$kept/$KEEP" 2>/dev/null || sync
fi
{own}"#,
                keep = keep.trim_end()
            ),
            BackupWrapper::Restore => format!(
                r#"KEPT=$HOME/{KEPT_DIR}/$KEEP/kept
if [ ! -e "$KEPT" ]; then
  [ -d "${{KEPT%/*}}" ] || {{ echo "${{KEPT%/*}} is not there, so it cannot be told what was before" >&2; exit 1; }}
  echo 'nothing was changed: the step ended before it had kept anything'
  exit 0
fi
{own}"#
            ),
        }
    }
}

/// Whether a script reads what was kept.
pub(super) fn reads_backup(script: &str) -> bool {
    script.contains("$KEPT") || script.contains("${KEPT")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::process::{Command, Output};

    fn run(home: &Path, script: &str) -> Output {
        let mut sh = Command::new("sh");
        sh.args(["-euc", script]).env("HOME", home).env("KEEP", "c0-0-1").current_dir(home);
        sh.output().unwrap()
    }

    fn step() -> String {
        BackupWrapper::Save("cat state\n").script("grep -q . \"$KEPT\"\necho new >state")
    }

    fn undo() -> String {
        BackupWrapper::Restore.script("cp \"$KEPT\" state")
    }

    fn stage() -> (tempfile::TempDir, impl Fn(&str) -> String) {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("state"), "old\n").unwrap();
        let path = home.path().to_owned();
        (home, move |file| std::fs::read_to_string(path.join(file)).unwrap())
    }

    #[test]
    fn what_was_there_is_kept_once_and_comes_back() {
        let (home, read) = stage();
        assert!(run(home.path(), &step()).status.success());
        assert_eq!(read("state"), "new\n");
        // Run again, it must not take what it made itself for what was there.
        assert!(run(home.path(), &step()).status.success());
        assert_eq!(read(".fieldmedic/kept/c0-0-1/kept"), "old\n");
        for _ in 0..2 {
            assert!(run(home.path(), &undo()).status.success());
            assert_eq!(read("state"), "old\n");
        }
        let names = std::fs::read_dir(home.path().join(".fieldmedic/kept/c0-0-1")).unwrap();
        assert_eq!(names.count(), 1, "nothing else is left");
    }

    #[test]
    fn it_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let (home, _) = stage();
        assert!(run(home.path(), &step()).status.success());
        for (path, mode) in [("kept/c0-0-1", 0o700), ("kept/c0-0-1/kept", 0o600), ("kept", 0o700)] {
            let found = home.path().join(".fieldmedic").join(path).metadata().unwrap().permissions();
            assert_eq!(found.mode() & 0o777, mode, "{path}");
        }
    }

    #[test]
    fn nothing_is_changed_where_nothing_can_be_kept() {
        let (home, read) = stage();
        let step = BackupWrapper::Save("cat state\nfalse").script("echo new >state");
        assert!(!run(home.path(), &step).status.success());
        assert_eq!(read("state"), "old\n");
        let undone = run(home.path(), &undo());
        assert!(undone.status.success());
        assert!(String::from_utf8_lossy(&undone.stdout).starts_with("nothing was changed"));
    }

    #[test]
    fn an_undo_does_not_guess() {
        let (home, read) = stage();
        assert!(run(home.path(), &step()).status.success());
        std::fs::remove_dir_all(home.path().join(".fieldmedic")).unwrap();
        let undone = run(home.path(), &undo());
        assert_eq!(undone.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&undone.stderr).contains("cannot be told what was before"));
        assert_eq!(read("state"), "new\n");
    }

    #[test]
    fn of_two_runs_at_once_the_first_has_kept() {
        let (home, read) = stage();
        // The other run keeps and changes while this one reads.
        let kept = ".fieldmedic/kept/c0-0-1/kept";
        let slow = BackupWrapper::Save(&format!("echo late; echo first >{kept}")).script("cat \"$KEPT\"");
        let seen = run(home.path(), &slow);
        assert_eq!(String::from_utf8_lossy(&seen.stdout), "first\n");
        assert_eq!(read(kept), "first\n");
    }

    #[test]
    fn old_places_go() {
        let (home, _) = stage();
        let old = home.path().join(".fieldmedic/kept/c1-0-0");
        std::fs::create_dir_all(&old).unwrap();
        std::fs::write(old.join("kept"), "x").unwrap();
        let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(100 * 86_400);
        std::fs::File::open(&old).unwrap().set_modified(long_ago).unwrap();
        assert!(run(home.path(), &step()).status.success());
        assert!(!old.exists());
    }
}
