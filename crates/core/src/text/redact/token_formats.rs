//! Secrets that can be told by their own shape, wherever they stand.
//!
//! A prefix that a provider documents needs no boundary before it: what a terminal colours or a program
//! joins has none. Every pattern is ASCII by design, which keeps the search fast on any text.

use regex::Regex;
use std::ops::Range;
use std::sync::LazyLock;

/// Hidden whole.
const WHOLE: [&str; 21] = [
    // Private keys, to their end or that of the text: PEM in every notation, OpenPGP, SSH2.
    r"(?s)-----BEGIN[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\z)",
    r"(?s)---- BEGIN[A-Z0-9 ]{0,40}PRIVATE KEY ----.*?(?:---- END[A-Z0-9 ]{0,40}PRIVATE KEY ----|\z)",
    r"AGE-SECRET-KEY-(?:PQ-)?1[0-9A-Z]{20,}",
    // GitHub, GitLab, and package registries.
    r"gh[pousr]_[A-Za-z0-9_.-]{20,512}|github_pat_[A-Za-z0-9_]{22,255}|(?-u:\b)v1\.[0-9a-f]{40}(?-u:\b)",
    r"gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|soat|oas|ffct)-[A-Za-z0-9_.-]{20,}",
    r"npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{32,}|rubygems_[0-9a-f]{48}|(?-u:\b)cio[A-Za-z0-9]{32}(?-u:\b)|dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}",
    // Clouds.
    r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?-u:\b)",
    r"AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{20,}|GOCSPX-[A-Za-z0-9_-]{20,}",
    r"do[opr]_v1_[0-9a-f]{40,}|tskey-[a-z]+-[A-Za-z0-9-]{10,}|dapi[0-9a-f]{32}(?-u:\b)|hv[sbr]\.[A-Za-z0-9_-]{20,}|[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{40,}",
    r"[A-Za-z0-9_~.]{3}8Q~[A-Za-z0-9_~.-]{34}",
    // Chat, mail, payment.
    r"xox[abeoprs](?:\.xox[bp])?-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}",
    r"hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_-]{20,}|discord(?:app)?\.com/api/webhooks/[0-9]{10,}/[A-Za-z0-9_-]{20,}",
    r"(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{16,}",
    r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|(?-u:\b)SK[0-9a-f]{32}(?-u:\b)|(?-u:\b)key-[0-9a-f]{32}(?-u:\b)",
    r"(?-u:\b)[0-9]{8,10}:AA[A-Za-z0-9_-]{33}(?-u:\b)",
    // Models and monitoring.
    r"(?-u:\b)sk-[A-Za-z0-9_-]{20,}|hf_[A-Za-z0-9]{30,}",
    r"gl(?:sa|c)_[A-Za-z0-9+/=_-]{20,}|sntry[su]_[A-Za-z0-9+/=_-]{20,}|lin_api_[A-Za-z0-9]{30,}|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|PMAK-[0-9a-f-]{40,}",
    // Signed tokens, with or without their signature.
    r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,3}",
    // Hashes of passwords: /etc/shadow, htpasswd, LDAP, Django.
    r"\$(?:1|2[abxy]?|5|6|7|y|gy|apr1|sha1|md5|scrypt|argon2(?:id|i|d)|pbkdf2[a-z0-9-]*)\$[A-Za-z0-9./$=,+_-]{8,}",
    r"\{(?:S?(?:SHA|MD5)[0-9]*|CRYPT)\}[A-Za-z0-9+/=$.]{20,}",
    r"(?-u:\b)(?:pbkdf2_sha[0-9]+|bcrypt(?:_sha256)?|argon2|scrypt)\$[A-Za-z0-9./$=,+_-]{16,}",
];

/// The group `hide` is hidden, what is around it stays.
const PARTS: [&str; 14] = [
    r"(?s)Private-Lines:[ \t]*[0-9]+[ \t\r]*\n(?P<hide>.*?)(?:\r?\nPrivate-MAC|\z)",
    r"(?i-u:authorization)\\*[\x22']?[ \t]*[:=][ \t]*\\*[\x22']?(?i-u:(?:bearer|basic|token|digest|negotiate)[ \t]+)?(?P<hide>[^\s\x22'\\][^\r\n\x22'\\]*)",
    r"(?i-u:(?-u:\b)(?:set-)?cookie:)[ \t]*(?P<hide>[^\s\x22'][^\r\n\x22']*)",
    r"(?i-u:(?-u:\b)bearer[ \t]+)(?P<hide>[A-Za-z0-9._~+/=-]{16,})",
    // Docker keeps logins as base64 of name and password.
    r"\x22_?auth\\*\x22[ \t]*:[ \t]*\\*\x22(?P<hide>[A-Za-z0-9+/_=-]{8,})|(?-u:\b)_auth[ \t]*=[ \t]*(?P<hide2>[^\s\x22'\\]+)",
    r"[A-Za-z][A-Za-z0-9+.-]{0,30}://(?P<hide>[A-Za-z0-9_.%~-]{20,})@",
    r"(?i-u:[?&;](?:sig|signature|x-amz-signature|x-amz-security-token|key|code|auth)=)(?P<hide>[^\s&\x22'<>]{8,})",
    // Passwords on command lines.
    r"(?-u:\b)(?:mysql|mysqldump|mysqladmin|mysqlimport|mariadb|mariadb-dump|mariadb-admin)(?-u:\b)[^\n|;&]*?[ \t]-p[\x22']?(?P<hide>[^\s\x22'|;&]+)",
    r"(?-u:\b)curl(?-u:\b)[^\n|;&]*?[ \t](?:-u|--user)[ \t=]*[\x22']?[^\s:\x22']+:(?P<hide>[^\s\x22']+)",
    r"(?-u:\b)(?:sshpass|docker login|podman login|redis-cli|ldapsearch|ldapmodify)(?-u:\b)[^\n|;&]*?[ \t]-(?:p|a|w)[ \t]*[\x22']?(?P<hide>[^\s\x22']+)",
    r"(?-u:\b)pass:(?P<hide>[^\s:\x22'\\][^\s\x22'\\]*)",
    r"(?-u:\b)login[ \t]+\S+[ \t\r\n]+password[ \t]+(?P<hide>[^\s\x22'\\]+)",
    r"(?i)(?-u:\b)(?:identified[ \t]+(?:with[ \t]+\S+[ \t]+)?by|password)[ \t]+'(?P<hide>(?:[^'\n]|'')+)'",
    // .pgpass
    r"(?m)(?:^|\s)[^\s:]{1,200}:(?:[0-9]{2,5}|\*):[^\s:]{1,100}:[^\s:]{1,100}:(?P<hide>[^\s\x22'<>]+)",
];

/// A name and a password before a host.
static LOGIN: LazyLock<Regex> =
    LazyLock::new(|| compile(r#"[A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s/:@?#"'<>]*:(?P<hide>[^\s"'<>]*)@"#));

static SHAPES: LazyLock<Regex> =
    LazyLock::new(|| compile(&WHOLE.map(|shape| format!("(?:{shape})")).join("|")));

static CONTEXTS: LazyLock<Vec<Regex>> = LazyLock::new(|| PARTS.map(compile).into());

#[expect(clippy::expect_used, reason = "the pattern is a constant")]
fn compile(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern")
}

/// The places of all of them.
pub(crate) fn find(text: &str, places: &mut Vec<Range<usize>>) {
    places.extend(SHAPES.find_iter(text).map(|found| found.range()));
    for context in CONTEXTS.iter().filter(|context| context.is_match(text)) {
        let hidden =
            context.captures_iter(text).filter_map(|found| found.name("hide").or(found.name("hide2")));
        places.extend(hidden.filter(|found| !is_literal(found.as_str())).map(|found| found.range()));
    }
    let logins = LOGIN.captures_iter(text).filter_map(|found| found.name("hide"));
    places.extend(logins.filter(|found| !is_port_and_path(found.as_str())).map(|found| found.range()));
}

/// `null,` behind a key of JSON.
fn is_literal(text: &str) -> bool {
    let end = text.find([',', '}', ']']);
    end.is_some_and(|end| matches!(text[..end].trim_end(), "null" | "true" | "false"))
}

/// `8080/users/` in `http://host:8080/users/@me`.
fn is_port_and_path(text: &str) -> bool {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    digits > 0 && digits <= 5 && text[digits..].starts_with('/')
}
