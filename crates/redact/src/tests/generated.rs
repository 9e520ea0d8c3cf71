//! Any name of a secret in any notation with any value is hidden; identifiers stay, wherever they stand.

use crate::{MASK, Redactor};
use proptest::prelude::*;

/// Names of secrets, as words.
const NAMES: [&[&str]; 28] = [
    &["password"],
    &["db", "password"],
    &["smtp", "pass"],
    &["admin", "passwd"],
    &["user", "pwd"],
    &["secret"],
    &["client", "secret"],
    &["access", "token"],
    &["refresh", "token"],
    &["api", "key"],
    &["private", "key"],
    &["encryption", "key"],
    &["signing", "key"],
    &["master", "key"],
    &["vault", "token"],
    &["bot", "token"],
    &["backup", "passphrase"],
    &["login", "credential"],
    &["shared", "secret"],
    &["root", "pw"],
    &["mot", "de", "passe"],
    &["passwort"],
    &["contrasena"],
    &["senha"],
    &["wachtwoord"],
    &["haslo"],
    &["wifi", "psk"],
    &["keystore", "password"],
];

/// Where a name and a value stand, and no more than that.
const NOTATIONS: [&str; 44] = [
    "N=V",
    "export N=V",
    "N='V'",
    "N=\"V\"",
    "N: V",
    "  N: V\nnext: 1",
    "N: 'V'",
    "N: \"V\"",
    "\"N\": \"V\"",
    "{\"N\":\"V\",\"a\":1}",
    "{\"a\":{\"N\":\"V\"}}",
    "\\\"N\\\":\\\"V\\\"",
    "{\"name\":\"N\",\"value\":\"V\"}",
    "{\"value\":\"V\",\"name\":\"N\"}",
    "- name: N\n  value: V",
    "[\"--N\",\"V\"]",
    "['--N', 'V']",
    "--N V",
    "--N=V",
    "--N 'V'",
    "('N', 'V')",
    "[(\"N\", \"V\"), (\"a\", \"b\")]",
    "{'N': 'V'}",
    "'N' => 'V',",
    ":N => \"V\"",
    "N := \"V\"",
    "N = V",
    "<N>V</N>",
    "<add key=\"N\" value=\"V\"/>",
    "<property name=\"N\">V</property>",
    "<key>N</key><string>V</string>",
    "N | V",
    "| N | V |",
    "id | N | x\n---+---+---\n1 | V | y\n",
    "a,N,b\n1,V,2\n",
    "\"Env\":[\"A=1\",\"N=V\"]",
    "N: |\n  V\nnext",
    "N:\n  V\nnext",
    "Config { N: \"V\", a: 1 }",
    "{a:1 N:V b:2}",
    "level=info N=V took=1",
    "https://example.org/?a=1&N=V&b=2",
    "N%3DV",
    "&quot;N&quot;:&quot;V&quot;",
];

fn styled(words: &[&str], style: usize) -> String {
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    match style {
        0 => words.join("_"),
        1 => words.join("_").to_uppercase(),
        2 => words.join("-"),
        3 => words.iter().map(|word| capital(word)).collect(),
        4 => words[0].to_owned() + &words[1..].iter().map(|word| capital(word)).collect::<String>(),
        _ => words.join("."),
    }
}

/// Text around the value that is left over, and not hidden either.
fn hides(notation: &str, name: &str, value: &str) -> Result<(), String> {
    let text = notation.replace('N', "\u{1}").replace('V', value).replace('\u{1}', name);
    let said = Redactor::default().text(&text).to_string();
    if said.contains(value) || !said.contains(MASK) {
        Err(format!("{text:?} became {said:?}"))
    } else {
        Ok(())
    }
}

/// Every name, in every style and notation, with one value: the members of the class that are known.
#[test]
fn every_name_is_known_in_every_notation() {
    let mut failed = Vec::new();
    for words in NAMES {
        for style in 0..6 {
            let name = styled(words, style);
            for notation in NOTATIONS {
                failed.extend(hides(notation, &name, "Tr0ub4dor-and-7").err());
            }
        }
    }
    let count = failed.len();
    failed.truncate(60);
    assert!(failed.is_empty(), "{count} stay:\n{}", failed.join("\n"));
}

/// Identifiers and other shapes that a server shows.
fn harmless() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9a-f]{7}",
        "[0-9a-f]{12}",
        "[0-9a-f]{32}",
        "[0-9a-f]{40}",
        "[0-9a-f]{64}",
        "sha256:[0-9a-f]{64}",
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        "[1-9][0-9]{0,12}",
        "[a-z0-9]{25}",
        "01[0-9A-HJKMNP-TV-Z]{24}",
        "v?[0-9]{1,2}\\.[0-9]{1,2}\\.[0-9]{1,3}(-rc\\.[0-9])?",
        "(/[a-z]{3,10}){2,6}",
        "/var/lib/docker/containers/[0-9a-f]{64}/[0-9a-f]{64}-json\\.log",
        "20[0-9]{2}-(0[1-9]|1[0-2])-[0-2][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\\.[0-9]{9}Z",
        "[a-z]{3,8}-[a-z]{3,8}-[0-9]{1,2}",
        "[a-z]{3,9}\\.example\\.org",
        "[a-z]{3,9}-[0-9a-f]{8,10}-[a-z0-9]{5}",
        "[A-Z][a-z]{3,9}[A-Z][a-z]{3,9}(Error|Exception)",
        "203\\.0\\.113\\.[0-9]{1,3}:[0-9]{2,5}",
        "[a-z]{4,10}_[a-z]{4,10}-[0-9]",
        "[0-9a-f]{2}(:[0-9a-f]{2}){5}",
        "SHA256:[A-Za-z0-9+/]{43}",
        "[0-9]{1,3}\\.[0-9]{1,2}(GB|MB|MiB|%)",
    ]
}

proptest! {
    #[test]
    fn any_value_is_hidden_under_any_name(
        words in prop::sample::select(NAMES.to_vec()),
        prefix in prop::option::of("[a-z]{2,8}"),
        style in 0_usize..6,
        notation in prop::sample::select(NOTATIONS.to_vec()),
        value in "[A-Z][a-z0-9]{2,8}[!%+_.-][A-Za-z0-9]{3,20}[0-9]",
    ) {
        let mut words = words.to_vec();
        if let Some(prefix) = &prefix {
            words.insert(0, prefix);
        }
        let said = hides(notation, &styled(&words, style), &value.replace("%", "_"));
        prop_assert!(said.is_ok(), "{}", said.unwrap_err());
    }

    #[test]
    fn identifiers_stay(
        shape in harmless(),
        place in prop::sample::select(vec!["X", "id X", "took X", "image X is here", "(X)", "x=X", "\"id\": \"X\"", "| X | running |", "a X b\nc"]),
    ) {
        let text = place.replace('X', &shape);
        let said = Redactor::default().publish(&text);
        prop_assert_eq!(said.as_str(), text);
    }

    #[test]
    fn no_text_is_too_strange(text in any::<String>(), pieces in prop::collection::vec(prop::sample::select(vec![
        "password", "пароль", "密码：", "|", "\n", "---", "=", "\"", "\\", "'", "é", "%3D", "&quot;", "\\u0022", "{", "}", "[", "(", ")", "<", ">", "</", "name", "value",
        "data:", "kind: Secret", "mysql -p", "echo ", "LS0tLS1CRUdJTi", "-----END PRIVATE KEY-----", "\t", "  ", "ß", "\u{300}", "\u{200B}", "0123", "aB3dE5gH7jK9", ",", ";", ":", "- ",
    ]), 0..30)) {
        let redactor = Redactor::default();
        for text in [text.clone(), pieces.concat(), format!("{text}{}", pieces.concat())] {
            let once = redactor.text(&text);
            prop_assert_eq!(redactor.text(once.as_str()), once);
            redactor.publish(&text);
        }
    }
}
