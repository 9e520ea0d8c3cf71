//! Tables and properties of the migration of a configuration.

use super::*;
use proptest::prelude::*;
use std::path::Path;

fn migrated(text: &str) -> String {
    rewrite::rewrite(text, true).unwrap_or_else(|both| panic!("{text}\n{both:?}")).text
}

/// Every renamed key, in every way of writing tables.
const OLD: &str = r#"# kind, pace and poll
[github]
repos = ["pace/poll"] # pace
pace = "1s"           # between two writes
"poll" = "1m"
# poll = "2m"         # poll
#   pace = "2s"
# poll: how often

[webhook]
old_secret_env = 'old_secret_env'

# [roles]             # who may look
# look = "triage"
# run = "write"

[sweep]
zone = "UTC"

[policy]
patience = "24h"
max_remedies = 4
playbooks = { patience = "ask", freeze = "ask" }
budgets.cooldown = "5m"

[policy.budgets.failures]
count = 3
pause = "1h"

[policy.budgets.recurrences]
count = 3
# pause = "1h"
pause = "1h"

# [policy.budgets]
# runs_an_hour = 12
# failures = { count = 3, pause = "1h" } # count
# [[policy.freeze]]
# why = "why"

# begins = "0 22 * * FRI"
[[policy.freeze]]
why = "lasts"
begins = "0 22 * * FRI"
lasts = "10h"
zone = "UTC"
[[policy.freeze]]
why = """
lasts = 1
"""
from = 2026-12-24T00:00:00Z

[groups.share]
share = 25
hosts = ["kind"]

[systems.kind]
kind = "kind"
hosts = { kind = "share" }
[systems.kind.params]
kind = "kind"
look = 1

[roles]
look = "triage"
pause = "write"
"#;
const NEW: &str = r#"# kind, pace and poll
[github]
repos = ["pace/poll"] # pace
write_interval = "1s"           # between two writes
"poll_interval" = "1m"
# poll_interval = "2m"         # poll
#   write_interval = "2s"
# poll: how often

[webhook]
previous_secret_env = 'old_secret_env'

# [roles]             # who may look
# view = "triage"
# run = "write"

[sweep]
timezone = "UTC"

[policy]
approval_timeout = "24h"
max_remediations = 4
playbooks = { patience = "ask", freeze = "ask" }
limits.cooldown = "5m"

[policy.limits.failure_breaker]
threshold = 3
open_for = "1h"

[policy.limits.recurrence_breaker]
threshold = 3
# open_for = "1h"
open_for = "1h"

# [policy.limits]
# max_remediations_per_hour = 12
# failure_breaker = { threshold = 3, open_for = "1h" } # count
# [[policy.change_freeze]]
# reason = "why"

# starts = "0 22 * * FRI"
[[policy.change_freeze]]
reason = "lasts"
starts = "0 22 * * FRI"
duration = "10h"
timezone = "UTC"
[[policy.change_freeze]]
reason = """
lasts = 1
"""
from = 2026-12-24T00:00:00Z

[groups.share]
max_percent = 25
hosts = ["kind"]

[systems.kind]
type = "kind"
hosts = { kind = "share" }
[systems.kind.params]
kind = "kind"
look = 1

[roles]
view = "triage"
pause = "write"
"#;

/// `limits.cooldown` and `[policy.limits.…]` together are no TOML; the rewriting itself does not mind.
fn valid(text: &str) -> String {
    text.replace("budgets.cooldown", "# budgets.cooldown").replace("limits.cooldown", "# limits.cooldown")
}

#[test]
fn keys_are_renamed_in_their_tables() {
    for (old, new) in [(OLD.to_owned(), NEW.to_owned()), (valid(OLD), valid(NEW))] {
        let found = migrated(&old);
        for (found, wanted) in found.lines().zip(new.lines()) {
            assert_eq!(found, wanted);
        }
        assert_eq!(found, new);
        assert_eq!(migrated(&new), new);
        assert_eq!(migrated(&old.replace('\n', "\r\n")), new.replace('\n', "\r\n"));
    }
}

#[test]
fn every_key_of_the_table_is_renamed_in_every_notation() {
    for rename in keys::RENAMES {
        let table = rename.table.replace('*', "x");
        for (table, entry) in [
            (format!("[{table}]\n"), "KEY = 1\n".to_owned()),
            (format!("[ {} ]\n", table.replace('.', " . ")), "\"KEY\" = 1\n".into()),
            (format!("[[{table}]]\n"), "'KEY' = 1\n".into()),
            (format!("{table} = {{"), " a = 1, KEY = 1 }\n".into()),
            (format!("{table}."), "KEY = 1\n".into()),
            (format!("{table} = [{{ a = 1 }},\n# x\n {{"), " a = 1, KEY = 1 }]\n".into()),
            (format!("[{table}]\n"), "# KEY = 1\n".into()),
            (format!("# [{table}]\n# "), "KEY = 1\n".into()),
        ] {
            let text = |key: &str| format!("{table}{}", entry.replace("KEY", key));
            let found = migrated(&text(rename.old));
            assert_eq!(found, migrated(&text(rename.new)), "{}", text(rename.old));
            assert!(found.contains(rename.new), "{found}");
            assert_eq!(found.matches('\n').count(), text("").matches('\n').count());
        }
    }
}

#[test]
fn other_tables_and_comments_stay() {
    for text in [
        "[hosts.x]\nkind = 1\n",
        "kind = 1\n",
        "[systems]\nkind = 1\n",
        "[systems.a.b]\nkind = 1\n",
        "[github]\n# pace is the time between two writes\n# pace\n# see pace = slow\nlabel = 'x' # pace = 1\n",
        "[github]\nrepos = [\n# pace = 1\n]\n",
        "# pace = 1\n[github]\n",
        "# [github]\n[policy]\n# pace = 1\n",
        "# [github]\n[policy]\nmode = 1\n# pace = 1\n",
        "[github]\n# pace = [\n#  1 ]\n",
    ] {
        assert_eq!(migrated(text), text);
    }
    // What is real after a comment ends the table that is commented out.
    assert_eq!(
        migrated("[sweep]\n# [github]\n# pace = 1\nsystems = 1\n# zone = 1\n"),
        "[sweep]\n# [github]\n# write_interval = 1\nsystems = 1\n# timezone = 1\n"
    );
}

#[test]
fn both_names_of_a_key_are_refused() {
    for (text, expect) in [
        (
            "[github]\npace = 1\nwrite_interval = 2\n",
            "[github] has `pace` (line 2) and `write_interval` (line 3), the old and the new name of one key",
        ),
        (
            "[github]\nwrite_interval = 2\n\npace = 1\n",
            "[github] has `pace` (line 4) and `write_interval` (line 2)",
        ),
        (
            "[policy.budgets]\ncooldown = 1\n[policy.limits.failure_breaker]\nthreshold = 1\n",
            "[policy] has `budgets` (line 1) and `limits` (line 3)",
        ),
        (
            "[[policy.freeze]]\n[[policy.change_freeze]]\n",
            "[policy] has `freeze` (line 1) and `change_freeze` (line 2)",
        ),
        (
            "policy = { freeze = [{ why = 1, reason = 2 }] }\n",
            "[policy.change_freeze] has `why` (line 1) and `reason` (line 1)",
        ),
    ] {
        let both = upgrade(text).unwrap_err();
        assert_eq!(both.len(), 1, "{both:?}");
        assert!(both[0].to_string().starts_with(expect), "{}", both[0]);
    }
    // Each element of an array is a table of its own, and a comment is no second value.
    for text in [
        "[[policy.freeze]]\nwhy = 1\n[[policy.freeze]]\nreason = 1\n",
        "[policy]\nfreeze = [{ why = 1 }, { reason = 1 }]\n",
        "[systems.a]\nkind = 1\n[systems.b]\ntype = 1\n",
        "[github]\npace = 1\n# write_interval = 2\n",
    ] {
        assert!(upgrade(text).is_ok(), "{text}");
    }
}

#[test]
fn an_old_configuration_is_read_with_warnings() {
    let text = "[github]\n# poll = 1\npace = 1\n[policy.budgets]\nfailures = { count = 1 }\n";
    let Upgraded { text: found, renamed } = upgrade(text).unwrap();
    assert_eq!(
        found,
        "[github]\n# poll = 1\nwrite_interval = 1\n[policy.limits]\nfailure_breaker = { threshold = 1 }\n"
    );
    let told: Vec<String> = renamed.iter().map(Renamed::to_string).collect();
    assert_eq!(
        told,
        [
            "line 3: `pace` in [github] is now called `write_interval`",
            "line 4: `budgets` in [policy] is now called `limits`",
            "line 5: `failures` in [policy.limits] is now called `failure_breaker`",
            "line 5: `count` in [policy.limits.failure_breaker] is now called `threshold`",
        ]
    );
    // Why it is no TOML is told by whoever reads it next.
    let broken = "[github]\npace = \n";
    assert_eq!(upgrade(broken).unwrap(), Upgraded { text: broken.into(), renamed: vec![] });
}

#[test]
fn a_file_is_migrated_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fieldmedic.toml");
    let old = "[github]\npace = \"1s\" # slow\n# poll = \"1m\"\n";
    std::fs::write(&path, old).unwrap();
    let dry = migrate_config(&path, true).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), old);
    let place = path.display();
    assert_eq!(
        dry.to_string(),
        format!(
            "line 2\n- pace = \"1s\" # slow\n+ write_interval = \"1s\" # slow\nline 3\n- # poll = \"1m\"\n+ # poll_interval = \"1m\"\n{place}: 2 keys would be renamed"
        )
    );
    let report = migrate_config(&path, false).unwrap();
    assert_eq!(report.lines, dry.lines);
    let new = std::fs::read_to_string(&path).unwrap();
    assert_eq!(new, "[github]\nwrite_interval = \"1s\" # slow\n# poll_interval = \"1m\"\n");
    assert_eq!(migrate_config(&path, false).unwrap().to_string(), format!("{place} has no old keys"));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_file_that_cannot_be_migrated_stays() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fieldmedic.toml");
    for (text, expect) in [
        ("[github]\npace = \n", "is not TOML"),
        ("[github]\npace = 1\nwrite_interval = 2\n", "has keys by two names"),
    ] {
        std::fs::write(&path, text).unwrap();
        let error = migrate_config(&path, false).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
    assert!(matches!(
        migrate_config(Path::new("/nowhere/x.toml"), false),
        Err(MigrateConfigError::Unreadable { .. })
    ));
}

#[test]
fn the_example_configuration_is_migrated() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fieldmedic.example.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let once = migrated(&text);
    assert_eq!(migrated(&once), once);
    for rename in keys::RENAMES.iter().filter(|rename| !["count", "pause"].contains(&rename.old)) {
        let is_key =
            |line: &str| line.trim_start_matches(['#', ' ']).starts_with(&format!("{} =", rename.new));
        let is_header = |line: &str| line.contains(&format!(".{}]", rename.new));
        assert!(once.lines().any(|line| is_key(line) || is_header(line)), "{} is not in\n{once}", rename.new);
    }
}

/// The values of a table, without the names of keys.
fn values(value: &toml::Value, into: &mut Vec<String>) {
    match value {
        toml::Value::Table(table) => table.values().for_each(|value| values(value, into)),
        toml::Value::Array(items) => items.iter().for_each(|value| values(value, into)),
        value => into.push(value.to_string()),
    }
}

fn sorted_values(text: &str) -> Option<Vec<String>> {
    let mut found = Vec::new();
    values(&toml::Value::Table(toml::from_str(text).ok()?), &mut found);
    found.sort();
    Some(found)
}

proptest! {
    /// Whatever the text: values and comments survive, and a second migration changes nothing.
    #[test]
    fn values_survive_and_a_second_migration_changes_nothing(
        noise in "[-a-z=#\\[\\]{}\"'., \n]{0,12}",
        at in any::<proptest::sample::Index>(),
        length in 0..8usize,
    ) {
        let mut text = valid(OLD);
        let from = at.index(text.len());
        text.replace_range(from..(from + length).min(text.len()), &noise);
        if let (Some(before), Ok(once)) = (sorted_values(&text), rewrite::rewrite(&text, true)) {
            prop_assert_eq!(sorted_values(&once.text), Some(before));
            let twice = rewrite::rewrite(&once.text, true).map(|twice| twice.text);
            prop_assert_eq!(twice, Ok(once.text));
        }
    }

    /// No text makes the rewriting panic.
    #[test]
    fn any_text_can_be_read(text in "[-a-z=#\\[\\]{}\"'., \r\n]{0,60}") {
        let _ = upgrade(&text);
        let _ = rewrite::rewrite(&text, true);
    }
}
