//! What is hidden, and what is not.
//!
//! - `corpus`: secrets and harmless texts in the notations of real tools.
//! - `generated`: any name in any notation with any value.

mod corpus;
mod generated;

use crate::*;
use proptest::prelude::*;
use serde_json::json;

fn hidden(text: &str) -> String {
    Redactor::default().text(text).to_string()
}

#[test]
fn secrets_are_hidden_and_the_rest_stays() {
    let redactor = Redactor::new(
        ["correct-horse".to_owned(), "tiny".to_owned()],
        vec![Regex::new(r"CUST-\d+").unwrap()],
    );
    for (text, expect) in [
        ("all 4 workers run", "all 4 workers run"),
        ("the correct-horse stands", "the [redacted] stands"),
        ("a tiny word", "a tiny word"),
        ("customer CUST-123", "customer [redacted]"),
        ("POSTGRES_PASSWORD=hunter2 next", "POSTGRES_PASSWORD=[redacted] next"),
        ("\"api_key\": \"a b\", \"x\": 1", "\"api_key\": \"[redacted]\", \"x\": 1"),
        ("postgres://u:p4ss@db/x", "postgres://u:[redacted]@db/x"),
        ("postgres://u:p@ss/w@db/x", "postgres://u:[redacted]@db/x"),
        ("redis://:p4ss@cache:6379/0", "redis://:[redacted]@cache:6379/0"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer [redacted]"),
        ("ghp_0123456789abcdefghijABCDEFGHIJ012345", "[redacted]"),
        ("curl --token s3cr3t url", "curl --token [redacted] url"),
        // A condition compares; a path through menus and an arrow lead to a value.
        ("web.csrf_refused > 0 and sessions.most >= 120", "web.csrf_refused > 0 and sessions.most >= 120"),
        ("token -> 12ab34cd", "token -> [redacted]"),
        ("password > 12ab34", "password > [redacted]"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\nok", "[redacted]\nok"),
        ("-----BEGIN RSA PRIVATE KEY-----\ncut off", "[redacted]"),
    ] {
        assert_eq!(redactor.text(text).as_str(), expect);
    }
}

/// Each with the one word in it that must go.
#[test]
fn every_kind_of_secret_is_known() {
    let x = |count: usize| "x1Y2z3W4".repeat(count / 8 + 1)[..count].to_owned();
    let hex = |count: usize| "0a1b2c3d".repeat(count / 8 + 1)[..count].to_owned();
    for (prefix, secret) in [
        ("", format!("ghp_{}", x(36))),
        ("", format!("gho_{}", x(36))),
        ("", format!("ghu_{}", x(36))),
        ("", format!("ghs_{}", x(36))),
        ("", format!("ghr_{}", x(76))),
        ("", format!("github_pat_{}_{}", x(22), x(59))),
        ("", format!("v1.{}", hex(40))),
        ("", format!("glpat-{}", x(20))),
        ("", format!("glrt-{}", x(20))),
        ("", format!("gldt-{}", x(20))),
        ("", format!("xoxb-1234567890-{}", x(24))),
        ("", format!("xoxe.xoxp-1-{}", x(40))),
        ("", format!("xapp-1-A0-1-{}", x(40))),
        ("https://", format!("hooks.slack.com/services/T0/B0/{}", x(24))),
        ("", "AKIAIOSFODNN7EXAMPLE".to_owned()),
        ("", "ASIAIOSFODNN7EXAMPLE".to_owned()),
        ("aws_secret_access_key = ", format!("{}/+{}", x(20), x(18))),
        ("", format!("AIza{}", x(35))),
        ("", format!("ya29.{}", x(60))),
        ("", format!("GOCSPX-{}", x(28))),
        ("", format!("sk_live_{}", x(24))),
        ("", format!("rk_test_{}", x(24))),
        ("", format!("whsec_{}", x(32))),
        ("", format!("sk-proj-{}", x(48))),
        ("", format!("npm_{}", x(36))),
        ("", format!("pypi-AgEIcHlwaS5vcmc{}", x(60))),
        ("", format!("dckr_pat_{}", x(27))),
        ("", format!("dop_v1_{}", hex(64))),
        ("", format!("hvs.{}", x(24))),
        ("", format!("SG.{}.{}", x(22), x(43))),
        ("", format!("123456789:AA{}", x(33))),
        ("", format!("hf_{}", x(34))),
        ("", format!("glsa_{}", x(32))),
        ("", format!("AGE-SECRET-KEY-1{}", x(58).to_uppercase())),
        ("", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl".to_owned()),
        ("Authorization: Basic ", "dXNlcjpwYXNz".to_owned()),
        ("proxy-authorization: Negotiate ", x(30)),
        ("-H 'PRIVATE-TOKEN: ", "p4ssw0rd".to_owned()),
        ("X-Api-Key: ", "p4ssw0rd".to_owned()),
        ("Cookie: sessionid=", x(32)),
        ("the header was bearer ", x(24)),
        ("root:", format!("$6$saltsalt${}", x(86))),
        ("root:", format!("$y$j9T$saltsalt${}", x(43))),
        ("user:", format!("$2y$10${}", x(53))),
        ("user:", format!("$apr1$salt${}", x(22))),
        ("", format!("pbkdf2_sha256$260000${}${}=", x(22), x(43))),
        ("userPassword: ", format!("{{SSHA}}{}", x(32))),
        ("PASSWORD=", "p4ssw0rd".to_owned()),
        ("export DB_PASSWORD='", "a b c".to_owned()),
        ("password: ", "p4ss,word;x&y".to_owned()),
        ("my password is: ", "p4ssw0rd".to_owned()),
        ("Passwort: ", "p4ssw0rd".to_owned()),
        ("  password: |\n    ", "p4ssw0rd".to_owned()),
        ("  secret:\n    ", "p4ssw0rd".to_owned()),
        ("tokens:\n  - ", "p4ssw0rd".to_owned()),
        ("{\"password\": \"", "a \\\" b".to_owned()),
        ("{\\\"password\\\": \\\"", "p4ssw0rd".to_owned()),
        ("\"secrets\": [\"one\", \"", "p4ssw0rd".to_owned()),
        ("\"Env\": [\"A=1\", \"POSTGRES_PASSWORD=", "correct horse".to_owned()),
        ("env['API_TOKEN'] = '", "p4ssw0rd".to_owned()),
        ("--password ", "p4ssw0rd".to_owned()),
        ("--api-key=", "p4ssw0rd".to_owned()),
        ("PGPASSWORD=", "p4ssw0rd".to_owned()),
        ("mysql -u root -p", "p4ssw0rd".to_owned()),
        ("mysqldump --all -uroot -p", "p4ssw0rd".to_owned()),
        ("curl -s -u admin:", "p4ssw0rd".to_owned()),
        ("sshpass -p ", "p4ssw0rd".to_owned()),
        ("openssl rsa -passin pass:", "p4ssw0rd".to_owned()),
        ("machine example.org login me password ", "p4ssw0rd".to_owned()),
        ("db.example.org:5432:app:app:", "p4ssw0rd".to_owned()),
        ("alter user app with password '", "it''s".to_owned()),
        ("Server=db;User Id=sa;Pwd=", "p4ssw0rd".to_owned()),
        ("AccountName=a;AccountKey=", format!("{}==", x(86))),
        ("host=db user=app password=", "p4ssw0rd".to_owned()),
        ("https://a.example.org/x?sv=1&sig=", x(43)),
        ("\"auth\": \"", "dXNlcjpwYXNz".to_owned()),
        ("//r.example.org/:_authToken=", "p4ssw0rd".to_owned()),
        ("PrivateKey = ", format!("{}=", x(43))),
    ] {
        for (before, behind) in [("", ""), ("x ", "\nnext"), ("\u{1B}[31m", "\u{1B}[0m")] {
            let text = format!("{before}{prefix}{secret}{behind}");
            let said = hidden(&text);
            assert!(!said.contains(&secret) && said.contains(MASK), "{text:?} became {said:?}");
            // A sequence that ends a colour may go with the secret: what is read as it stands has no end there.
            let rest = if behind.starts_with('\u{1B}') { "" } else { behind };
            assert!(said.ends_with(rest.trim_start()), "{text:?} became {said:?}");
        }
    }
}

#[test]
fn a_name_that_looks_like_a_secret_names_one_all_the_same() {
    for text in [
        "<key>BbbfbPrivateKey</key><string>A00_aAA0</string>",
        "<add key=\"BbbbbPrivateKey\" value=\"A00_aAA0\"/>",
        "{\"key\": \"Xq7vNAccessToken\", \"value\": \"A00_aAA0\"}",
    ] {
        assert!(!hidden(text).contains("A00_aAA0"), "{}", hidden(text));
    }
}

#[test]
fn keys_go_to_their_end() {
    let putty = "PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\nAAAAsecret\nPrivate-MAC: 0a1b\n";
    assert!(!hidden(putty).contains("AAAAsecret"));
    for kind in ["", "RSA ", "EC ", "DSA ", "ENCRYPTED ", "OPENSSH ", "PGP "] {
        let block = if kind == "PGP " { " BLOCK" } else { "" };
        let key =
            format!("-----BEGIN {kind}PRIVATE KEY{block}-----\nAAAA\n-----END {kind}PRIVATE KEY{block}-----");
        assert_eq!(hidden(&format!("a\n{key}\nb")), "a\n[redacted]\nb", "{kind}");
        let json = json!({ "key": key, "next": 1 }).to_string();
        assert!(!hidden(&json).contains("AAAA"), "{json}");
    }
}

#[test]
fn what_is_no_secret_stays_as_it_is() {
    for text in [
        "password reset fails for all users",
        "the token expired yesterday, and a new token does not help",
        "token expired",
        r#"{"Plugins":{"Network":["bridge"],"Authorization":null,"Log":["json-file"]}}"#,
        "medic ALL=(root) NOPASSWD: /usr/bin/apt-get ^clean$",
        "secrets are rotated every 90 days",
        "7b1c0f5e-4d5a-4c57-9d0e-100000000000",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "qfieldcloud-qgis3:latest@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "d34511f2a7e0c9b8 Up 6 weeks",
        "/var/lib/docker/containers/f5d14f2a7ad0/f5d14f2a7ad0-json.log",
        "/run/secrets/db_password",
        "PASSWORD_FILE=/run/secrets/db_password",
        "AUTH_PASSWORD_VALIDATORS: []",
        "PWD=/opt/qfieldcloud",
        "token_expires_in=3600",
        "\"tokens\": 512, \"password_required\": true",
        "tokens: 512",
        "took 1h 2m 3s, timeout=30s",
        "http://127.0.0.1:8080/users/@me",
        "ssh://git@git.example.org/x.git",
        "docker compose up -d --no-build worker_wrapper",
        "df -P /var/lib/docker / /tmp",
        "10:00:00 worker: started",
        "2026-03-01T10:00:00Z INFO job finished in 3 s",
        "the keyboard has a key: it is stuck",
        "compare SHA-256 with the key-value store",
        "risk-free task-list, desk-work-for-everybody-in-the-office",
        "password: \"\"",
        "-e PGOPTIONS='-c default_transaction_read_only=on'",
        "Private-Lines",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJeLbOadKcJZBkq8dIzlkIbF1+DX/imaht46Pcn/43Mk",
        "<!-- fieldmedic case=c0123456789ab kind=report -->",
    ] {
        assert_eq!(hidden(text), text);
    }
}

#[test]
fn a_secret_of_our_own_is_known_in_disguise() {
    let secret = "rig-token-0123456789 \"ü\"";
    let redactor = Redactor::new([secret.to_owned()], vec![]);
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    for (text, leaks) in [
        (STANDARD.encode(secret), "0LXRva2VuLTAxMjM0NTY3ODk"),
        (STANDARD.encode(format!("x:{secret}")), "LXRva2VuLTAxMjM0NTY3ODk"),
        (URL_SAFE.encode(format!("user:{secret}@host")), "dG9rZW4tMDEyMzQ1Njc4OS"),
        ("a=rig-token-0123456789%20%22%C3%BC%22&b".to_owned(), "0123456789"),
        ("rig-token-0123456789%20%22%c3%bc%22".to_owned(), "0123456789"),
        (json!({ "x": secret }).to_string(), "0123456789"),
        (hex::encode(secret), "6b656e2d30313233"),
        ("rig-token-\u{200B}0123456789 \"ü\"".to_owned(), "0123456789"),
    ] {
        let said = redactor.text(&text);
        assert!(!said.as_str().contains(leaks) && said.as_str().contains(MASK), "{text} became {said}");
    }
}

#[test]
fn what_is_not_seen_does_not_part_a_secret() {
    let token = "ghp_0123456789abcdefghijABCDEFGHIJ012345";
    for between in ["\u{200B}", "\0", "\u{1B}[1m", "\u{202E}", "\u{AD}"] {
        let text = format!("a {}{between}{} b", &token[..3], &token[3..]);
        assert_eq!(hidden(&text), "a [redacted] b", "{between:?}");
    }
    // Where nothing is hidden, nothing is taken out either.
    assert_eq!(hidden("👩\u{200D}🌾 and @\u{200B}x"), "👩\u{200D}🌾 and @\u{200B}x");
}

#[test]
fn values_are_redacted_by_their_key_too() {
    let value = json!({
        "db": {"password": "hunter2", "host": "db", "token_count": 3, "password_file": "/x"},
        "n": [1, "token=x1"],
        "secrets": ["a1", {"x": "b2"}],
        "SECRET": true,
        "pin": 123456,
        "env": [{"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "PORT", "value": "80"}],
    });
    assert_eq!(
        Redactor::default().value(value),
        json!({
            "db": {"password": MASK, "host": "db", "token_count": 3, "password_file": "/x"},
            "n": [1, "token=[redacted]"],
            "secrets": [MASK, {"x": MASK}],
            "SECRET": true,
            "pin": MASK,
            "env": [{"name": "DB_PASSWORD", "value": MASK}, {"name": "PORT", "value": "80"}],
        })
    );
}

#[test]
fn json_stays_json() {
    for text in [
        r#"{"password": "a\"b", "list": [{"token": "x"}], "n": {"secret": 5, "salt": null}}"#,
        r#"{"env": ["PASSWORD=a b", "X=1"], "url": "postgres://u:p@h/d", "key": "AKIAIOSFODNN7EXAMPLE"}"#,
        r#"{"inner": "{\"password\": \"x\", \"n\": 1}"}"#,
        r#"{"secrets": ["a", "b"], "private_key": "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n"}"#,
    ] {
        let said = hidden(text);
        let read: Result<Value, _> = serde_json::from_str(&said);
        assert!(read.is_ok() && said.contains(MASK), "{text} became {said}");
    }
}

/// A pattern of an operator may match anything, the mask included.
#[test]
fn patterns_do_not_eat_masks() {
    for pattern in [r"\w+", r".*", r"", r"redacted", r"\[", r"[^ ]*x"] {
        let redactor = Redactor::new([], vec![Regex::new(pattern).unwrap()]);
        let once = redactor.text("password=abc and x [redacted] tail");
        assert_eq!(redactor.text(once.as_str()), once, "{pattern}");
    }
}

/// A line of a megabyte, made of what each pattern begins with: were the work to grow with the square
/// of it, this would not end.
#[test]
fn long_lines_are_no_burden() {
    for piece in [
        "password=\"",
        "password=",
        "token",
        "a://b:",
        "-----BEGIN PRIVATE KEY-----",
        "mysql -u ",
        "eyJ",
        "[\"token=",
        "\\\"secret\\\":\\\"",
        "secret:\n ",
        "x:80:",
        "password=[",
        "authorization: ",
        "\u{200B}g",
        "\u{1B}]0;",
        "$6$",
        "a.b-c_",
    ] {
        let text = piece.repeat(1_000_000 / piece.len());
        let once = hidden(&text);
        assert_eq!(hidden(&once), once, "{piece}");
    }
}

proptest! {
    #[test]
    fn redacting_twice_changes_nothing(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "password", "token", "=", ": ", "\"", "'", "\\\"", "\n", "  ", "[redacted]", "[", "]", "{", ",", ";", "&", "x",
            "hunter2", "ghp_0123456789abcdefghijABCDEFGHIJ012345", "a://u:", "@h", "-----BEGIN PRIVATE KEY-----", "|", "- ",
            "\u{200B}", "\u{1B}[1m", "Authorization: Basic ", "mysql -p", "--", "ü", "$6$aaaaaaaaaa", ">",
        ]), 0..14),
    ) {
        let once = hidden(&pieces.concat());
        prop_assert_eq!(hidden(&once), once);
    }

    #[test]
    fn a_planted_secret_never_stays(
        before in "[ -~\n]{0,40}", behind in "[ -~\n]{0,40}", body in "[A-Za-z0-9]{36}",
    ) {
        let secret = format!("ghp_{body}");
        let text = format!("{before}{secret}{behind}");
        prop_assert!(!hidden(&text).contains(&body[..20]), "{}", text);
    }
}
