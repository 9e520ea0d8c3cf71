//! The steps of the GitHub Action, as its runner would call them: `action.yml` and `packaging/action/`.

use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn arch() -> &'static str {
    std::env::consts::ARCH
}

/// What a step printed, and whether it succeeded.
struct Step {
    out: String,
    is_done: bool,
}

fn run(command: &mut Command) -> Step {
    let output = command.output().expect("a shell");
    let out = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    Step { out, is_done: output.status.success() }
}

/// A folder with the files of a release, whose program is the one under test.
struct Release {
    dir: TempDir,
}

impl Release {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let name = format!("fieldmedic-0.1.0-{}-linux", arch());
        let bin = dir.path().join(&name).join("usr/bin");
        fs::create_dir_all(&bin).expect("created");
        let program = format!("#!/bin/sh\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_fieldmedic"));
        fs::write(bin.join("fieldmedic"), program).expect("written");
        fs::set_permissions(bin.join("fieldmedic"), fs::Permissions::from_mode(0o755)).expect("a program");
        let script = format!("tar czf {name}.tar.gz {name} && sha256sum -- {name}.tar.gz >SHA256SUMS");
        assert!(run(Command::new("sh").args(["-c", &script]).current_dir(dir.path())).is_done);
        Self { dir }
    }

    fn install(&self, variables: &[(&str, &str)]) -> Step {
        let url = format!("file://{}", self.dir.path().display());
        let mut command = Command::new(root().join("packaging/action/install"));
        command
            .env("RELEASE_URL", url)
            .env("RUNNER_TEMP", self.dir.path())
            .env("GITHUB_PATH", self.dir.path().join("path"))
            .env("GITHUB_OUTPUT", self.dir.path().join("output"))
            .envs(variables.iter().copied());
        run(&mut command)
    }

    fn written(&self, file: &str) -> String {
        fs::read_to_string(self.dir.path().join(file)).unwrap_or_default()
    }
}

#[test]
fn a_release_is_installed_if_its_checksum_is_right() {
    let release = Release::new();
    for version in ["0.1.0", "v0.1.0", ""] {
        let step = release.install(&[("VERSION", version)]);
        assert!(step.is_done, "{version:?}: {}", step.out);
    }
    let by_tag = release.install(&[("ACTION_REF", "v0.1.0")]);
    assert!(by_tag.is_done, "{}", by_tag.out);
    let program = PathBuf::from(release.written("path").lines().next().expect("a folder")).join("fieldmedic");
    assert!(program.is_file());
    assert!(release.written("output").starts_with("version=fieldmedic "), "{}", release.written("output"));

    let installed = release.written("path").lines().count();
    for (variables, expect) in [
        ([("VERSION", "9.9.9")], "names no file of 9.9.9"),
        ([("ACTION_REF", "v9.9.9")], "names no file of 9.9.9"),
        ([("VERSION", "1.0/../..")], "is not a version"),
        ([("VERSION", "1.0;id")], "is not a version"),
        ([("RELEASE_URL", "file:///nowhere")], "cannot be downloaded"),
    ] {
        let step = release.install(&variables);
        assert!(!step.is_done && step.out.contains(expect), "{variables:?}: {}", step.out);
        assert!(step.out.contains("::error title=Fieldmedic::"), "{}", step.out);
    }
    fs::write(release.dir.path().join(format!("fieldmedic-0.1.0-{}-linux.tar.gz", arch())), "other")
        .expect("written");
    let step = release.install(&[("VERSION", "0.1.0")]);
    assert!(!step.is_done && step.out.contains("another checksum"), "{}", step.out);
    assert_eq!(release.written("path").lines().count(), installed, "nothing else was installed");
}

/// Runs the second step in a repository with these files.
fn check(files: &[(&str, &str)], variables: &[(&str, &str)]) -> (Step, String) {
    let dir = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("created");
        fs::write(path, text).expect("written");
    }
    let bin = Path::new(env!("CARGO_BIN_EXE_fieldmedic")).parent().expect("a folder");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new(root().join("packaging/action/check"));
    command
        .current_dir(dir.path())
        .env("PATH", path)
        .env("GITHUB_STEP_SUMMARY", dir.path().join("summary"))
        .env_remove("FIELDMEDIC_CONFIG")
        .envs(variables.iter().copied());
    let step = run(&mut command);
    let summary = fs::read_to_string(dir.path().join("summary")).unwrap_or_default();
    (step, summary)
}

const SYSTEM: &str = "format: 1\nsystem_type: tunnel\nsummary: A tunnel\naliases: [tunnel]\nparams:\n  unit: { type: name, default: app }\nprobes:\n  unit_state:\n    run: systemctl is-active {{ unit }}\n    ok_exits: [0, 3]\n    facts: { state: text }\n";
const PLAYBOOK: &str = "playbook: tunnel-dead\ntitle: The tunnel is not running\nsymptoms: { patterns: ['502'] }\nwhen: unit_state.state == 'inactive'\nsummary: \"it is {{ unit_state.state }}\"\nescalate: { advice: Read its log. }\n";
const HOST: &str = "state: { active: inactive }\ncommands:\n  - { run: systemctl is-active app, stdout: \"{{ active }}\" }\n";
const TICKET: &str = "# All pages answer 502\n";
const EXPECT: &str = "outcome: escalated\ncode: needs-person\n";

fn repository<'a>(playbook: &'a str, expect: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("playbooks/tunnel/system.yaml", SYSTEM),
        ("playbooks/tunnel/tunnel-dead.yaml", playbook),
        ("fixtures/tunnel/dead/host.yaml", HOST),
        ("fixtures/tunnel/dead/ticket.md", TICKET),
        ("fixtures/tunnel/dead/expect.yaml", expect),
    ]
}

#[test]
fn sound_playbooks_pass_with_figures_in_the_summary() {
    let mut files = repository(PLAYBOOK, EXPECT);
    let wordings = r#"[{"situation": "worker-down", "lang": "en", "title": "Nothing syncs", "body": ""}]"#;
    files.push(("wordings.json", wordings));
    let (step, summary) = check(&files, &[("PLAYBOOKS", "playbooks"), ("SCENARIOS", "fixtures")]);
    assert!(step.is_done, "{}", step.out);
    assert!(!step.out.contains("::error"), "{}", step.out);
    for expect in ["tunnel: 1 probes, 1 faults", "fixtures/tunnel/dead"] {
        assert!(step.out.contains(expect), "{expect:?} is not in {}", step.out);
    }
    assert_eq!(summary, "");

    let (step, summary) = check(&files, &[("WORDINGS", "wordings.json")]);
    assert!(step.is_done, "{}", step.out);
    assert!(summary.contains("all faults") && !summary.contains("wrong:"), "{summary}");
}

#[test]
fn problems_are_shown_at_their_lines() {
    let variables = [("PLAYBOOKS", "playbooks"), ("SCENARIOS", "fixtures")];
    let (step, summary) = check(&repository(&PLAYBOOK.replace("when:", "wen:"), EXPECT), &variables);
    assert!(!step.is_done);
    let annotation =
        "::error file=playbooks/tunnel/tunnel-dead.yaml,line=4,col=1,title=playbook check::unknown key `wen`";
    assert!(step.out.contains(annotation), "{}", step.out);
    assert!(summary.contains("**playbook check** failed"), "{summary}");

    let (step, _) = check(&repository(PLAYBOOK, "outcome: resolved\n"), &variables);
    let annotation = "::error file=fixtures/tunnel/dead/expect.yaml,title=playbook test::";
    assert!(!step.is_done && step.out.contains(annotation), "{}", step.out);

    let (step, _) = check(&[], &[("PLAYBOOKS", "nowhere"), ("SCENARIOS", "")]);
    assert!(!step.is_done && step.out.contains("::error title=playbook check::"), "{}", step.out);
    let (step, _) = check(&[], &[("WORDINGS", "nowhere.json")]);
    assert!(!step.is_done && step.out.contains("::error title=playbook evaluate::"), "{}", step.out);
}

/// Whoever writes a playbook in a pull request writes no command of the workflow.
#[test]
fn nothing_of_a_file_is_a_command_of_the_workflow() {
    let hostile = PLAYBOOK
        .replace("title: The tunnel is not running", "\"::warning::x\": 1\ntitle: x%0A::set-env name=A::b");
    let expect = "outcome: resolved\ncomments_include: [\"::notice::hello\"]\n";
    let (step, _) =
        check(&repository(&hostile, expect), &[("PLAYBOOKS", "playbooks"), ("SCENARIOS", "fixtures")]);
    assert!(!step.is_done);
    let mut stopped: Option<String> = None;
    for line in step.out.lines().filter(|line| line.starts_with("::")) {
        if let Some(token) = line.strip_prefix("::stop-commands::") {
            assert_eq!(stopped.replace(format!("::{token}::")), None, "{}", step.out);
        } else if stopped.as_deref() == Some(line) {
            stopped = None;
        } else if stopped.is_none() {
            assert!(
                ["::group::", "::endgroup::", "::error "].iter().any(|own| line.starts_with(own)),
                "{line}"
            );
        }
    }
    assert_eq!(stopped, None);
}

/// The inputs of `action.yml` are those that its scripts read.
#[test]
fn the_action_passes_its_inputs_to_its_scripts() {
    let text = fs::read_to_string(root().join("action.yml")).expect("the action");
    let action: Value = serde_saphyr::from_str(&text).expect("YAML");
    let steps = action["runs"]["steps"].as_array().expect("steps");
    let passed =
        steps.iter().flat_map(|step| step["env"].as_object().expect("variables")).collect::<Vec<_>>();
    for input in action["inputs"].as_object().expect("inputs").keys() {
        let expression = format!("${{{{ inputs.{input} }}}}");
        let (variable, _) = passed
            .iter()
            .find(|(_, value)| **value == expression)
            .unwrap_or_else(|| panic!("{input} is not used"));
        let is_read = ["install", "check"].iter().any(|script| {
            let script = fs::read_to_string(root().join("packaging/action").join(script)).expect("a script");
            script.contains(&format!("${{{variable}")) || script.contains(&format!("${variable}"))
        });
        assert!(is_read, "no script reads {variable}");
    }
    // An expression in a script would be text that others have written.
    for step in steps {
        let run = step["run"].as_str().expect("a script");
        assert!(!run.contains("${{"), "{run}");
        let script = run.trim_matches('"').trim_start_matches("$GITHUB_ACTION_PATH/");
        assert!(root().join(script).is_file(), "{run}");
    }
}
