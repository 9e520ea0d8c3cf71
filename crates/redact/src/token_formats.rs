//! Secrets that can be told by their own shape, wherever they stand.
//!
//! A prefix that an issuer documents needs no boundary before it: what a terminal colours or a program
//! joins has none. Every pattern is ASCII by design, which keeps the search fast on any text.

use crate::cursor::{before, rest};
use crate::literals::{LiteralSearch, Literals, has_folding, required_literals};
use crate::mask::Places;
use crate::values::{is_random, is_reference};
use regex::Regex;
use regex_syntax::hir::{Hir, HirKind};
use std::sync::{LazyLock, OnceLock};

/// A signed token goes on over so many lines at most.
const LINES: usize = 40;

/// So much of a line is looked at, in bytes.
const WORD: usize = 100;

/// Hidden whole.
const WHOLE: &[&str] = &[
    r"AGE-(?:SECRET-KEY|PLUGIN-[A-Z0-9]+)-(?:PQ-)?1[0-9A-Z]{20,}",
    // Code hosting and package registries.
    r"gh[pousr]_[A-Za-z0-9_.-]{20,512}|github_pat_[A-Za-z0-9_]{22,255}|(?-u:\b)v1\.[0-9a-f]{40}(?-u:\b)",
    r"gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|soat|oas|ffct|rtr)-[A-Za-z0-9_.-]{20,}|GR1348941[A-Za-z0-9_-]{20,}|(?-u:\b)ATBB[A-Za-z0-9]{24,}|ATCTT3x[A-Za-z0-9_=-]{20,}|ATATT3x[A-Za-z0-9_=-]{20,}",
    r"npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{32,}|rubygems_[0-9a-f]{48}|(?-u:\b)cio[A-Za-z0-9]{32}(?-u:\b)|dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}|oy2[a-z0-9]{43}|(?-u:\b)AKCp[A-Za-z0-9]{60,}|(?-u:\b)cmVmd[A-Za-z0-9]{59}",
    // Clouds.
    r"(?:AKIA|ASIA|ABIA|ACCA|ABSK)[A-Z0-9]{16}(?-u:\b)|ABSK[A-Za-z0-9+/=]{40,}",
    r"AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{20,}|GOCSPX-[A-Za-z0-9_-]{20,}|(?-u:\b)1//0[A-Za-z0-9_-]{30,}|(?-u:\b)AQ\.Ab8R[A-Za-z0-9_-]{20,}|GOOG1[A-Z0-9]{20,}",
    r"do[opr]_v1_[0-9a-f]{40,}|tskey-[a-z]+-[A-Za-z0-9-]{10,}|dapi[0-9a-f]{32}(?-u:\b)|hv[sbr]\.[A-Za-z0-9_-]{20,}|(?-u:\b)[sbr]\.[A-Za-z0-9]{24}(?-u:\b)|[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{40,}",
    r"[A-Za-z0-9_~.]{3}[78]Q~[A-Za-z0-9_~.-]{31,34}|hcp_[A-Za-z0-9_]{30,}",
    r"(?-u:\b)v1\.0-[0-9a-f]{24}-[0-9a-f]{146}|v1\.0-[0-9A-Za-z]{10,}-[0-9A-Za-z-]{20,}|cf(?:ut|at|k)_[A-Za-z0-9]{30,}",
    r"(?-u:\b)npg_[A-Za-z0-9]{12,}|pscale_(?:pw|tkn|oauth)_[A-Za-z0-9_.-]{20,}|sbp_[0-9a-f]{40}|sb_secret_[A-Za-z0-9_-]{20,}|(?-u:\b)(?:nf[pcoub]|rnd|vc[paki])_[A-Za-z0-9]{30,}|(?-u:\b)xau_[A-Za-z0-9]{30,}|dp\.(?:st|pt|ct|sa|scim|audit)\.[A-Za-z0-9_.-]{20,}",
    r"FlyV1[ \t]+[A-Za-z0-9_+/=,-]{20,}|(?-u:\b)fm[12][ar]?_[A-Za-z0-9+/=_,-]{20,}|fo1_[A-Za-z0-9_-]{20,}|HRKU-[A-Za-z0-9_-]{20,}",
    r"ops_eyJ[A-Za-z0-9_-]{20,}|A3-[A-Z0-9]{6}-[A-Z0-9]{5,6}(?:-[A-Z0-9]{5,6}){3,}|SWMTKN-1-[0-9a-z]{20,}-[0-9a-z]{10,}|K10[0-9a-f]{64}::[A-Za-z0-9_.:-]{8,}",
    r"pul-[0-9a-f]{40}|ccipat_[A-Za-z0-9_]{20,}|CCIP(?:AT|RJ)_[A-Za-z0-9_]{20,}|bkua_[0-9a-f]{30,}|tfp_[A-Za-z0-9_-]{20,}|scw_[A-Za-z0-9_-]{30,}|SCW[A-Z0-9]{17}",
    r"(?:ntn|secret)_[A-Za-z0-9]{40,}|figd_[A-Za-z0-9_-]{30,}|lin_(?:api|oauth|wh)_[A-Za-z0-9]{30,}|(?-u:\b)pat[A-Za-z0-9]{14}\.[0-9a-f]{64}|shp(?:at|ca|pa|ss|tka|ua)_[0-9a-fA-F]{32}",
    r"(?-u:\b)(?:sk|pk|tk)\.eyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{15,}|PMAK-[0-9a-f-]{40,}|(?-u:\b)(?:CFPAT-|contentful_)[A-Za-z0-9_-]{30,}|phx_[A-Za-z0-9_]{30,}|phs_[A-Za-z0-9_]{30,}|dnkey-[a-z0-9-]{20,}|dt0[a-z][0-9]{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64}",
    // Chat, mail, payment.
    r"xox[abeoprs](?:\.xox[bp])?-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}|xoxd-[A-Za-z0-9%+/=]{20,}",
    r"hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_-]{20,}|discord(?:app)?\.com/api/(?:v[0-9]+/)?webhooks/[0-9]{10,}/[A-Za-z0-9_-]{20,}",
    r"(?:webhook\.office|outlook\.office|logic\.azure|webhookb2)\.com[^\s\x22'<>]{20,}|chat\.googleapis\.com/v1/spaces/[^\s\x22'<>]{20,}|hooks\.zapier\.com/hooks/catch/[0-9]+/[A-Za-z0-9]+|maker\.ifttt\.com/trigger/[^\s/]+/with/key/[A-Za-z0-9_-]+|open\.feishu\.cn/open-apis/bot/v2/hook/[a-f0-9-]{20,}|hc-ping\.com/[0-9a-zA-Z-]{20,}|ntfy\.sh/[A-Za-z0-9]{16,}",
    r"(?:sk|rk|ek)_(?:live|test|prod)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{16,}|sq0(?:atp|csp|idp)-[A-Za-z0-9_-]{20,}|EAAA[A-Za-z0-9_-]{50,}|(?-u:\b)access_token\$(?:production|sandbox)\$[a-z0-9$]{30,}|re_[A-Za-z0-9]{8}_[A-Za-z0-9_]{16,}|(?:sk|pk)_[a-f0-9]{40,}",
    r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|(?-u:\b)S[KC][0-9a-f]{32}(?-u:\b)|(?-u:\b)key-[0-9a-f]{32}(?-u:\b)|xkeysib-[0-9a-f]{40,}-[A-Za-z0-9]{10,}|xsmtpsib-[0-9a-f]{40,}-[A-Za-z0-9]{10,}|(?-u:\b)[0-9a-f]{32}-us[0-9]{1,2}(?-u:\b)|mlsn\.[0-9a-f]{40,}",
    // The token of a bot of Telegram stands behind `bot` in addresses.
    r"[0-9]{8,11}:AA[A-Za-z0-9_-]{30,35}",
    // Discord: an identifier in base64, a time, a signature.
    r"(?:[MNO][A-Za-z0-9_-]{23,28}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{25,45})|mfa\.[A-Za-z0-9_-]{50,}",
    // Meta and WhatsApp: access tokens, pairing codes, numbers of people.
    r"(?-u:\b)EAA[A-Za-z0-9]{40,}|(?-u:\b)IGQ[A-Za-z0-9_-]{40,}|(?-u:\b)2@[A-Za-z0-9+/=,]{40,}|[0-9]{7,15}(?::[0-9]{1,3})?@(?:s\.whatsapp\.net|c\.us|lid)",
    r"(?-u:\b)syt_[A-Za-z0-9_-]{16,}|mct_[A-Za-z0-9_-]{16,}|(?-u:\b)[0-9]{15,20}-[A-Za-z0-9]{40}(?-u:\b)|AAAAAAAAAAAAAAAAAAAAA[A-Za-z0-9%]{30,}",
    // Models and monitoring.
    r"(?-u:\b)sk-[A-Za-z0-9_-]{20,}|hf_[A-Za-z0-9]{30,}|api_org_[A-Za-z0-9]{30,}|(?-u:\b)r8_[A-Za-z0-9]{30,}|gsk_[A-Za-z0-9]{40,}|xai-[A-Za-z0-9_-]{40,}|nvapi-[A-Za-z0-9_-]{40,}|pplx-[A-Za-z0-9]{40,}|fw_[A-Za-z0-9]{20,}|tgp_v1_[A-Za-z0-9_-]{30,}|csk-[A-Za-z0-9]{30,}|pcsk_[A-Za-z0-9_]{40,}|jina_[A-Za-z0-9]{40,}|tvly-[A-Za-z0-9-]{20,}|lsv2_(?:pt|sk)_[A-Za-z0-9_]{30,}|(?-u:\b)co_[A-Za-z0-9]{40}",
    r"gl(?:sa|c)_[A-Za-z0-9+/=_-]{20,}|eyJrIjoi[A-Za-z0-9+/=_-]{20,}|sntry[sua]_[A-Za-z0-9+/=_-]{20,}|NR(?:AK|JS|II|AL|RA)-[A-Za-z0-9-]{20,}|(?-u:\b)[0-9a-f]{36}NRAL(?-u:\b)|ddp?[au]?_[A-Za-z0-9]{32,}|hcaik_[a-z0-9]{40,}|hcbik_[a-z0-9]{20,}|(?-u:\b)pdus\+[A-Za-z0-9_+-]{20,}|ApiKey-v1 [A-Za-z0-9+/=_-]{20,}",
    // Signed tokens, with or without their signature, and JSON in base64, which is a token more often than not.
    r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,3}|v[1-4]\.(?:local|public)\.[A-Za-z0-9_-]{20,}(?:\.[A-Za-z0-9_-]+)?|MDAx[A-Za-z0-9_=-]{40,}",
    r"eyJ[A-Za-z0-9+/_-]{30,}={0,2}",
    // Hashes of passwords: /etc/shadow, htpasswd, LDAP, Django, databases, Windows, Kerberos.
    r"\$(?:1|2[abxy]?|5|6|7|y|gy|A|H|P|S|apr1|sha1|md5|scrypt|bcrypt|krb5[a-z]*|argon2(?:id|i|d)|pbkdf2[a-z0-9-]*)\$[A-Za-z0-9./$=,+_*@-]{8,}",
    r"\{(?:S?(?:SHA|MD5)[0-9]*|CRYPT|PBKDF2[A-Z0-9-]*|ARGON2)\}[A-Za-z0-9+/=$.,]{20,}",
    r"(?-u:\b)(?:pbkdf2[_:]sha[0-9]+|pbkdf2_[a-z0-9]+|bcrypt(?:_sha256)?|argon2|scrypt)[$:][A-Za-z0-9./$=,:+_-]{16,}",
    r"SCRAM-SHA-(?:1|256|512)[$:][A-Za-z0-9+/=:$,-]{16,}|(?-u:\b)md5[0-9a-f]{32}(?-u:\b)|\*[0-9A-F]{40}(?-u:\b)|(?-u:\b)0x0[12]00[0-9A-Fa-f]{40,}|(?-u:\b)[0-9a-f]{32}:[0-9a-f]{32}:::",
    r"\{scram-sha-(?:1|256)\}[0-9,A-Za-z+/=]{16,}",
    // Secrets of one-time passwords, and keys of coins.
    r"otpauth(?:-migration)?://[^\s\x22'<>]{8,}|(?-u:\b)[xyz]prv[A-Za-z0-9]{100,}|BSA[A-Za-z0-9_-]{25,30}(?-u:\b)",
    // Keys of other protocols.
    r"(?-u:\b)ed25519:[A-Za-z0-9+/]{80,}={0,2}|privkey:[0-9a-f]{64}|(?-u:\b)nsec1[a-z0-9]{50,}",
];

/// The group `hide` is hidden, what is around it stays. A count over a class beyond ASCII takes milliseconds to compile,
/// so there is none.
const PARTS: &[&str] = &[
    r"(?i-u:authorization)\\*[\x22']?[ \t]*[:=][ \t]*\\*[\x22']?(?i-u:(?:bearer|basic|token|digest|negotiate)[ \t]+)?(?P<hide>[^\s\x22'\\][^\r\n\x22'\\]*)",
    // A digest has strings in quotes.
    r"(?i-u:authorization)[ \t]*:[ \t]*(?i-u:digest|hawk|oauth|mac|aws4-hmac-sha256|signature)[ \t]+(?P<hide>[^\r\n]+)",
    r"(?i-u:(?-u:\b)(?:set-)?cookie:)[ \t]*(?P<hide>[^\s\x22'][^\r\n\x22']*)",
    r"(?i-u:(?-u:\b)bearer[ \t]+)(?P<hide>[A-Za-z0-9._~+/=-]{16,})",
    // Docker keeps logins as base64 of name and password.
    r"\x22_?auth\\*\x22[ \t]*:[ \t]*\\*\x22(?P<hide>[A-Za-z0-9+/_=-]{8,})|(?-u:\b)_auth[ \t]*=[ \t]*(?P<hide2>[^\s\x22'\\]+)",
    r"[A-Za-z][A-Za-z0-9+.-]{0,30}://(?P<hide>[A-Za-z0-9_.%~-]{20,})@",
    r"(?i-u:[?&;#](?:sig|signature|x-amz-signature|x-goog-signature|x-amz-security-token|x-amz-credential|key|code|auth|sid|ticket|pwd|pass|pw|access_token|id_token|refresh_token|token|secret|apikey|api_key|nonce|otp|invite)=)(?P<hide>[^\s&\x22'<>]{8,})",
    // `Private-Lines` of PuTTY.
    r"(?s)Private-Lines:[ \t]*[0-9]+[ \t\r]*\n(?P<hide>.*?)(?:\r?\n[^\n]{0,60}Private-MAC|\z)",
    // Where a password stands as an argument of its own kind.
    r"(?-u:\b)pass:(?P<hide>[^\s:\x22'\\][^\s\x22'\\]*)",
    r"(?-u:\b)login[ \t]+\S+[ \t\r\n]+password[ \t]+(?P<hide>[^\s\x22'\\]+)",
    r"(?i)(?-u:\b)(?:identified[ \t]+(?:with[ \t]+\S+[ \t]+)?(?:by|as|using)(?:[ \t]+password)?|password|old_password|passphrase)[ \t]*(?:=[ \t]*|[ \t]|\([ \t]*)[\x22'](?P<hide>(?:[^'\x22\n]|'')+)[\x22']",
    r"(?i)(?-u:\b)(?:set[ \t]+password[^\n']*=|connection[ \t]*'[^'\n]*password=)[ \t]*'?(?P<hide>[^'\s]+)",
    // .pgpass
    r"(?m)(?:^|\s)[^\s:]+:(?:[0-9]{2,5}|\*):[^\s:]+:[^\s:]+:(?P<hide>[^\s\x22'<>]+)",
    // Commands of protocols: FTP, POP3, IMAP, Redis, IRC.
    r"(?m)(?:^|[>\x22'\] ])PASS[ \t]+(?P<hide>[^\s\x22'\\:/]{4,})(?:\\r|\r|\n|$|[\x22'])",
    r"(?m)(?:^|[ >])[A-Za-z]{0,4}[0-9]{1,5}[ \t]+LOGIN[ \t]+[^\s]{1,100}[ \t]+\x22?(?P<hide>[^\s\x22']{4,})",
    r"(?m)(?:^|[\s>\x22'])AUTH (?:PLAIN|LOGIN)[ \t]+(?P<hide>[A-Za-z0-9+/=]{8,})|(?i-u:nickserv[ \t]+:?identify[ \t]+)(?P<hide2>[^\s]{6,})",
    // A login before a host without a scheme: `user:x@tcp(host:3306)`, `//user:x@host`.
    r"(?-u:\b)[A-Za-z0-9_.-]{1,64}:(?P<hide>[^\s\x22'@/]{3,})@(?:tcp|unix|udp)\(",
    r"(?:^|[\s\x22'=])//[A-Za-z0-9_.-]{1,64}:(?P<hide>[^\s\x22'@/]{3,})@[A-Za-z0-9.-]+",
    // PSK of WireGuard and of hostapd, and lines of `wg show dump`.
    r"(?m)^(?P<hide>[A-Za-z0-9+/]{43}=)[ \t]+[A-Za-z0-9+/]{43}=[ \t]+[0-9]+[ \t]+(?:off|0x[0-9a-f]+)",
    // `openssl enc -k`, `/pass:x`, `/p:x` on Windows.
    r"(?i)[ \t]/(?:p|pass|password|pwd):(?P<hide>[^\s\x22']+)",
    // `username/secret@service` of Oracle in a connect string.
    r"(?i)(?-u:\b)(?:connect|conn)[ \t]+[a-z0-9_$#]{1,30}/(?P<hide>[^\s@\x22']{3,60})@",
    // CHAP and PAP secrets: name, server, secret, addresses.
    r#"(?m)^[ \t]*"?[^\s"\x23]+"?[ \t]+(?:\*|l2tpd|pptpd|pppd|xl2tpd)[ \t]+"?(?P<hide>[^\s"]{3,})"?[ \t]+(?:\*|[0-9.]+)[ \t]*$"#,
    // ipsec.secrets, and `rsync` secrets.
    r#"(?m)(?:^|[ \t]):[ \t]*(?:PSK|XAUTH|EAP|NTLM)[ \t]+"?(?P<hide>[^"\n]{3,200})"?"#,
];

/// A name and a password before a host.
static LOGIN: LazyLock<Regex> =
    LazyLock::new(|| compile(r#"[A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s/:@?#"'<>]*:(?P<hide>[^\s"'<>]*)@"#));

/// All shapes in one pattern.
static SHAPES: LazyLock<Regex> = LazyLock::new(|| compile(&joined(WHOLE.iter())));

/// The alternatives that no literal tells.
static UNTOLD_SHAPES: LazyLock<Regex> = LazyLock::new(|| {
    let untold = WHOLE.iter().flat_map(|shape| alternatives(shape));
    let untold = untold.filter(|shape| required_literals(shape).is_none()).map(|shape| shape.to_string());
    compile(&joined(untold))
});

/// Each is compiled when a text may match it.
static CONTEXTS: [OnceLock<Regex>; PARTS.len()] = [const { OnceLock::new() }; PARTS.len()];

/// Which of the patterns may match a text, by the literals that they need: first those of [`WHOLE`] as one owner, then
/// each of [`PARTS`].
static LITERALS: LazyLock<Option<LiteralSearch>> = LazyLock::new(|| {
    let shapes = WHOLE.iter().flat_map(|shape| alternatives(shape));
    let shapes = shapes.filter_map(|shape| required_literals(&shape)).map(|literals| (ANY_SHAPE, literals));
    let parts = PARTS.iter().enumerate().filter_map(|(number, part)| Some((number, literals_of(part)?)));
    let owned = |(owner, literals): (usize, Vec<String>)| literals.into_iter().map(move |it| (it, owner));
    let all: Vec<(String, usize)> = shapes.chain(parts).flat_map(owned).collect();
    LiteralSearch::new(all.iter().map(|(literal, owner)| (literal.as_str(), *owner)))
});

/// The parts that no literal tells.
static UNTOLD_PARTS: LazyLock<Vec<usize>> = LazyLock::new(|| {
    PARTS
        .iter()
        .enumerate()
        .filter(|(_, part)| literals_of(part).is_none())
        .map(|(number, _)| number)
        .collect()
});

/// Stands for all shapes together.
const ANY_SHAPE: usize = PARTS.len();

fn joined(shapes: impl Iterator<Item = impl std::fmt::Display>) -> String {
    shapes.map(|shape| format!("(?:{shape})")).collect::<Vec<_>>().join("|")
}

/// The alternatives of a pattern, each for itself.
fn alternatives(pattern: &str) -> Vec<Hir> {
    let Ok(hir) = regex_syntax::parse(pattern) else { return Vec::new() };
    match hir.kind() {
        HirKind::Alternation(parts) => parts.clone(),
        _ => vec![hir],
    }
}

fn literals_of(pattern: &str) -> Literals {
    required_literals(&regex_syntax::parse(pattern).ok()?)
}

#[expect(clippy::expect_used, reason = "the pattern is a constant")]
fn compile(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern")
}

/// The places of all of them.
pub(super) fn find(text: &str, places: &mut Places) {
    let told = match (&*LITERALS, has_folding(text)) {
        (Some(literals), false) => literals.owners_in(text),
        _ => (0..=ANY_SHAPE).collect(),
    };
    // If no literal of a shape is here, the shapes that need none are all that can match.
    let shapes = if told.contains(&ANY_SHAPE) { &*SHAPES } else { &*UNTOLD_SHAPES };
    for found in shapes.find_iter(text) {
        let is_token = found.as_str().starts_with("eyJ");
        let end = if is_token { found.end() + continued(text, found.end()) } else { found.end() };
        places.hide(found.start()..end);
    }
    for number in told.iter().chain(&*UNTOLD_PARTS) {
        let (Some(context), Some(pattern)) = (CONTEXTS.get(*number), PARTS.get(*number)) else { continue };
        let hidden = context
            .get_or_init(|| compile(pattern))
            .captures_iter(text)
            .filter_map(|found| found.name("hide").or(found.name("hide2")));
        hidden.filter(|found| !is_literal(found.as_str())).for_each(|found| places.hide(found.range()));
    }
    // A quick look.
    if text.contains("://") {
        let logins = LOGIN.captures_iter(text).filter_map(|found| found.name("hide"));
        logins.filter(|found| !is_port_and_path(found.as_str())).for_each(|found| places.hide(found.range()));
    }
}

/// The length of the next lines into which a signed token goes on.
fn continued(text: &str, end: usize) -> usize {
    let mut length = 0;
    for _ in 0..LINES {
        let tail = rest(text, end + length);
        let Some(line) = tail.strip_prefix('\n').or_else(|| tail.strip_prefix("\r\n")) else { break };
        let line = line.trim_start_matches([' ', '\t']);
        let word = line
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '=')))
            .unwrap_or(line.len());
        if !is_random(before(line, word.min(WORD)), 16) {
            break;
        }
        length += (tail.len() - line.len()) + word;
    }
    length
}

/// `null,` behind a key of JSON, and what stands for a value that is kept elsewhere.
fn is_literal(text: &str) -> bool {
    let end = text.find([',', '}', ']']);
    let is_null = end.is_some_and(|end| matches!(before(text, end).trim_end(), "null" | "true" | "false"));
    // The last bytes of a hardware address, and what closes a phrase.
    let address = text.trim_end_matches(|c: char| !c.is_ascii_hexdigit());
    let is_address =
        address.contains(':') && address.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':');
    is_null || is_address || is_reference(text) || text.chars().all(|c| c == '*')
}

/// `8080/users/` in `http://host:8080/users/@me`.
fn is_port_and_path(text: &str) -> bool {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    digits > 0 && digits <= 5 && rest(text, digits).starts_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::strategy::{Strategy, ValueTree};
    use proptest::string::string_regex;
    use proptest::test_runner::TestRunner;

    /// Whether a text is told by a literal makes no difference to what is found in it.
    #[test]
    fn every_shape_is_told_by_its_literals() {
        let mut runner = TestRunner::deterministic();
        for pattern in WHOLE.iter().flat_map(|shape| shape.split('|')).filter(|part| part.len() > 6) {
            let Ok(texts) = string_regex(&pattern.replace(r"(?-u:\b)", "")) else { continue };
            for _ in 0..20 {
                let text = texts.new_tree(&mut runner).unwrap().current();
                let told = LITERALS.as_ref().unwrap().owners_in(&text).contains(&ANY_SHAPE);
                let ranges =
                    |shapes: &Regex| shapes.find_iter(&text).map(|it| it.range()).collect::<Vec<_>>();
                if !told {
                    assert_eq!(ranges(&SHAPES), ranges(&UNTOLD_SHAPES), "{pattern}: {text:?}");
                }
            }
        }
    }

    #[test]
    fn an_ordinary_text_needs_few_patterns() {
        let text =
            "The synchronisation has been waiting since this morning: docker compose ps shows 3 workers.";
        assert_eq!(LITERALS.as_ref().unwrap().owners_in(text), [0; 0]);
        assert!(UNTOLD_PARTS.len() < PARTS.len() / 2, "{:?}", *UNTOLD_PARTS);
    }
}
