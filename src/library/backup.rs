//! The backup of a step: shell text around the step's own script, so that every playbook makes backups in
//! the same way.
//!
//! A backup is complete and on disk before the change begins. It is never replaced: a step that runs again,
//! even in parallel to its first run, finds the state before both runs.
//!
//! The folder and the file keep the names that format 0 gave them (`kept`). So a rollback of this version
//! finds a backup that an earlier version made.

use crate::core::diagnosis::plan::KEPT_DIR;

/// The variable that names the step's folder; its value is [`crate::core::diagnosis::plan::BACKUP`].
pub(super) const VARIABLE: &str = "BACKUP_NAME";
/// Variables that a step with a backup cannot set.
pub(super) const RESERVED: [&str; 3] = [VARIABLE, "BACKUP", "HOME"];

/// What is added to the script of a step, or of its rollback.
#[derive(Debug, Clone, Copy)]
pub(super) enum BackupWrapper<'a> {
    None,
    /// The output of this script is saved first.
    Save(&'a str),
    /// The backup must exist.
    Restore,
}

impl BackupWrapper<'_> {
    /// The whole script. `own` finds the path of the backup in `$BACKUP`.
    pub(super) fn script(self, own: &str) -> String {
        match self {
            BackupWrapper::None => own.to_owned(),
            // A hard link is made only where there is no file yet, by one of two runs.
            BackupWrapper::Save(backup) => format!(
                r#"backups=$HOME/{KEPT_DIR}
BACKUP=$backups/$BACKUP_NAME/kept
if [ ! -e "$BACKUP" ]; then
  part=$backups/$BACKUP_NAME/part.$$
  (umask 077; mkdir -p "$backups/$BACKUP_NAME"; : >"$part")
  find "$backups/." ! -name . -prune -mtime +90 -exec rm -rf {{}} + || true
  (
{backup}
  ) >"$part"
  sync "$part" 2>/dev/null || sync
  ln "$part" "$BACKUP" 2>/dev/null || [ -e "$BACKUP" ]
  rm -f "$part"
  sync "$backups/$BACKUP_NAME" 2>/dev/null || sync
fi
{own}"#,
                backup = backup.trim_end()
            ),
            BackupWrapper::Restore => format!(
                r#"BACKUP=$HOME/{KEPT_DIR}/$BACKUP_NAME/kept
if [ ! -e "$BACKUP" ]; then
  [ -d "${{BACKUP%/*}}" ] || {{ echo "${{BACKUP%/*}} is missing, so the earlier state is unknown" >&2; exit 1; }}
  echo 'nothing was changed: the step ended before its backup was complete'
  exit 0
fi
{own}"#
            ),
        }
    }
}

/// Whether a script reads the backup.
pub(super) fn reads_backup(script: &str) -> bool {
    script.contains("$BACKUP") || script.contains("${BACKUP")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::process::{Command, Output};

    fn run(home: &Path, script: &str) -> Output {
        let mut sh = Command::new("sh");
        sh.args(["-euc", script]).env("HOME", home).env(VARIABLE, "c0-0-1").current_dir(home);
        sh.output().unwrap()
    }

    fn step() -> String {
        BackupWrapper::Save("cat state\n").script("grep -q . \"$BACKUP\"\necho new >state")
    }

    fn rollback() -> String {
        BackupWrapper::Restore.script("cp \"$BACKUP\" state")
    }

    fn stage() -> (tempfile::TempDir, impl Fn(&str) -> String) {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("state"), "old\n").unwrap();
        let path = home.path().to_owned();
        (home, move |file| std::fs::read_to_string(path.join(file)).unwrap())
    }

    #[test]
    fn the_first_state_is_saved_once_and_restored() {
        let (home, read) = stage();
        assert!(run(home.path(), &step()).status.success());
        assert_eq!(read("state"), "new\n");
        // A second run must not save the state that the first one made.
        assert!(run(home.path(), &step()).status.success());
        assert_eq!(read(".fieldmedic/kept/c0-0-1/kept"), "old\n");
        for _ in 0..2 {
            assert!(run(home.path(), &rollback()).status.success());
            assert_eq!(read("state"), "old\n");
        }
        let names = std::fs::read_dir(home.path().join(".fieldmedic/kept/c0-0-1")).unwrap();
        assert_eq!(names.count(), 1, "no other file is left");
    }

    #[test]
    fn only_its_owner_can_read_a_backup() {
        use std::os::unix::fs::PermissionsExt;
        let (home, _) = stage();
        assert!(run(home.path(), &step()).status.success());
        for (path, mode) in [("kept/c0-0-1", 0o700), ("kept/c0-0-1/kept", 0o600), ("kept", 0o700)] {
            let found = home.path().join(".fieldmedic").join(path).metadata().unwrap().permissions();
            assert_eq!(found.mode() & 0o777, mode, "{path}");
        }
    }

    #[test]
    fn nothing_changes_if_the_backup_fails() {
        let (home, read) = stage();
        let step = BackupWrapper::Save("cat state\nfalse").script("echo new >state");
        assert!(!run(home.path(), &step).status.success());
        assert_eq!(read("state"), "old\n");
        let reversed = run(home.path(), &rollback());
        assert!(reversed.status.success());
        assert!(String::from_utf8_lossy(&reversed.stdout).starts_with("nothing was changed"));
    }

    #[test]
    fn a_rollback_without_its_folder_fails() {
        let (home, read) = stage();
        assert!(run(home.path(), &step()).status.success());
        std::fs::remove_dir_all(home.path().join(".fieldmedic")).unwrap();
        let reversed = run(home.path(), &rollback());
        assert_eq!(reversed.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&reversed.stderr).contains("the earlier state is unknown"));
        assert_eq!(read("state"), "new\n");
    }

    #[test]
    fn of_two_parallel_runs_the_first_backup_wins() {
        let (home, read) = stage();
        // The other run saves and changes while this one reads.
        let kept = ".fieldmedic/kept/c0-0-1/kept";
        let slow = BackupWrapper::Save(&format!("echo late; echo first >{kept}")).script("cat \"$BACKUP\"");
        let seen = run(home.path(), &slow);
        assert_eq!(String::from_utf8_lossy(&seen.stdout), "first\n");
        assert_eq!(read(kept), "first\n");
    }

    #[test]
    fn old_backups_are_deleted() {
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
