//! Answers by mail: where the message that is answered begins, and the signature. A mail program is known by
//! the form of what it writes, in whatever language: a line that announces a quotation, the head of a
//! message, a signature. Only what has no form is known by its words.

use crate::ticket::markdown::Line;
use regex::Regex;
use std::sync::LazyLock;

/// What a mail program has added to a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct MailParts {
    /// The first line of the author's signature. Nothing below counts.
    pub signature: Option<usize>,
    /// The first line of an older message, which reaches to the end of the text.
    pub older_message: Option<usize>,
    /// Lines that announce a quotation whose lines are marked with `>`.
    pub announcements: Vec<usize>,
    /// The first line that may be any of these. In doubt a command below it was not written now.
    pub first_sign: Option<usize>,
}

/// What stands over a message that is forwarded or answered, without the dashes around it.
const TITLES: [&str; 6] = [
    "original message",
    "forwarded message",
    "begin forwarded message:",
    "ursprüngliche nachricht",
    "weitergeleitete nachricht",
    "originalnachricht",
];

/// The head of a message whose names are known, though nothing in it has the form of an address or a date.
const KNOWN_HEAD: &str = r"(?i)^\**(From|Von|De|Da|Van)[ \t\u{a0}]*:[^\n]*\n(?:[^\n]*\n)?\**(Sent|Date|To|Gesendet|Datum|An|Envoyé|À|Enviado|Para|Inviato|A|Verzonden|Aan)[ \t\u{a0}]*:";

/// An announcement whose words are known.
const KNOWN_ANNOUNCEMENT: &str = r"(?i)^(On|Am|Den|Le|El|Il|Op|Em)[ \t][^\n]*\b(wrote|schrieb|a écrit|escribió|ha scritto|schreef|escreveu|skrev)\b[^\n]*:[ \t]*$";

/// What phones, programs that advertise themselves, and GitHub put below a mail.
const FOOTER: &str = r"(?i)^(Sent (from|via|with)\b|Get Outlook for\b|Von meinem\b[^\n]*\bgesendet|Gesendet (von|mit|über)\b|Diese Nachricht wurde von mein|Envoyé (de|depuis|avec)\b|Télécharge[rz] Outlook|Enviado desde\b|Inviato da\b|Verzonden vanaf\b|Reply to this email directly|You are receiving this because\b)";

/// A date of three numbers, a year, or a time.
const DATE: &str =
    r"\b\d{1,4}[./-]\d{1,2}[./-]\d{1,4}\b|\b(19|20)\d\d(\b|\p{Alphabetic})|\b\d{1,2}[:.h]\d\d\b";

/// A mail address, or the stars by which GitHub hides one.
const ADDRESS: &str = r"[\w.+*-]@[\w*-]";

static PATTERNS: LazyLock<Option<Patterns>> = LazyLock::new(Patterns::compile);

struct Patterns {
    known_head: Regex,
    known_announcement: Regex,
    footer: Regex,
    date: Regex,
    address: Regex,
}

impl Patterns {
    fn compile() -> Option<Self> {
        Some(Self {
            known_head: Regex::new(KNOWN_HEAD).ok()?,
            known_announcement: Regex::new(KNOWN_ANNOUNCEMENT).ok()?,
            footer: Regex::new(FOOTER).ok()?,
            date: Regex::new(DATE).ok()?,
            address: Regex::new(ADDRESS).ok()?,
        })
    }
}

/// How sure it is that a mail program wrote a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Signature,
    /// From this line on stands an older message.
    OlderMessage,
    /// So many lines announce a quotation that is marked.
    Announcement(usize),
    /// It may be any of these.
    Doubtful,
}

/// Finds what a mail program has added to a text.
pub(crate) fn find(lines: &[Line<'_>]) -> MailParts {
    let mut parts = MailParts::default();
    // Without patterns, which a test rules out, no text is anybody's own.
    let Some(patterns) = PATTERNS.as_ref() else {
        return MailParts { older_message: Some(0), first_sign: Some(0), ..parts };
    };
    for (at, line) in lines.iter().enumerate() {
        if line.is_quoted || line.is_blank() {
            continue;
        }
        let Some(sign) = sign(patterns, lines, at) else { continue };
        parts.first_sign = parts.first_sign.or(Some(at));
        // In code, these are code: SQL comments begin like a signature.
        if line.is_fenced {
            continue;
        }
        match sign {
            Sign::Signature => {
                parts.signature = Some(at);
                break;
            }
            Sign::OlderMessage => {
                parts.older_message = Some(at);
                break;
            }
            Sign::Announcement(count) => parts.announcements.extend(at..at + count),
            Sign::Doubtful => {}
        }
    }
    parts
}

fn sign(patterns: &Patterns, lines: &[Line<'_>], at: usize) -> Option<Sign> {
    let line = lines.get(at)?.text;
    let above = at.checked_sub(1).and_then(|above| lines.get(above)).map_or("", |line| line.text);
    if matches!(line.trim_end_matches([' ', '\t']), "--") {
        // Below a line with bars it is the rule of a table.
        return Some(if line == "-- " || !above.contains('|') { Sign::Signature } else { Sign::Doubtful });
    }
    if is_title(line) || is_head(patterns, lines, at, Certainty::Sure) {
        return Some(Sign::OlderMessage);
    }
    if is_framed(line) || line.starts_with("__________") && line.trim_end().trim_matches('_').is_empty() {
        let below =
            (at + 1..lines.len()).find(|below| lines.get(*below).is_some_and(|line| !line.is_blank()));
        let has_head = below.is_some_and(|below| is_head(patterns, lines, below, Certainty::Likely));
        return Some(if has_head { Sign::OlderMessage } else { Sign::Doubtful });
    }
    if is_head(patterns, lines, at, Certainty::Likely) {
        return Some(Sign::Doubtful);
    }
    if patterns.footer.is_match(line) {
        let below = lines.get(at + 1).is_none_or(Line::is_blank);
        let stands_alone = at > 0 && above.trim().is_empty() && below && line.chars().count() <= 60;
        return Some(if stands_alone { Sign::OlderMessage } else { Sign::Doubtful });
    }
    announcement(patterns, lines, at)
}

/// `-----Original Message-----`, in whatever language.
fn is_framed(line: &str) -> bool {
    let inner = line.trim_end().strip_prefix("-----").and_then(|rest| rest.strip_suffix("-----"));
    inner.is_some_and(|inner| inner.chars().any(char::is_alphabetic))
}

fn is_title(line: &str) -> bool {
    let plain = line.trim_matches(|c: char| c == '-' || c == '_' || c.is_whitespace()).to_lowercase();
    TITLES.contains(&plain.as_str())
}

/// The lines from which an announcement is put together; mail programs wrap it.
const MAX_ANNOUNCEMENT: usize = 3;

/// A line that ends in a colon and names a date or an address announces a quotation. If it is wrapped, the
/// date stands in its first part.
fn announcement(patterns: &Patterns, lines: &[Line<'_>], at: usize) -> Option<Sign> {
    let mut joined = String::new();
    for count in 1..=MAX_ANNOUNCEMENT {
        let line = lines.get(at + count - 1).filter(|line| !line.is_blank() && !line.is_quoted)?;
        let is_wrapped = !joined.is_empty();
        if is_wrapped && (!patterns.date.is_match(&joined) || patterns.date.is_match(line.text)) {
            return None;
        }
        joined.push_str(line.text.trim_end_matches([' ', '\t', '\u{a0}']));
        if !joined.ends_with([':', '：']) {
            joined.push(' ');
            continue;
        }
        let below = lines.iter().skip(at + count).find(|line| !line.is_blank());
        let is_marked = below.is_some_and(|line| line.is_quoted);
        let (has_date, has_address) = (patterns.date.is_match(&joined), patterns.address.is_match(&joined));
        let is_known = patterns.known_announcement.is_match(&joined);
        let is_sure = is_known && joined.contains(|c: char| c.is_ascii_digit())
            || has_date && has_address
            || is_marked && (has_date || has_address);
        return match (is_sure, is_marked) {
            (true, true) => Some(Sign::Announcement(count)),
            (true, false) => Some(Sign::OlderMessage),
            (false, _) if is_known || has_date && ends_in_words(&joined) => Some(Sign::Doubtful),
            (false, _) => None,
        };
    }
    None
}

/// A name or a verb stands behind the last number.
fn ends_in_words(text: &str) -> bool {
    text.rsplit(|c: char| c.is_ascii_digit()).next().is_some_and(|rest| rest.chars().any(char::is_alphabetic))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Certainty {
    Sure,
    Likely,
}

/// The head of a message: lines of the form `name: value`, one with an address and one with a date.
fn is_head(patterns: &Patterns, lines: &[Line<'_>], at: usize, certainty: Certainty) -> bool {
    let text = |at: usize| lines.get(at).map_or("", |line| line.text);
    let start = [text(at), text(at + 1), text(at + 2)].join("\n");
    if patterns.known_head.is_match(&start) {
        return true;
    }
    let Some(first) = head_value(text(at)) else { return false };
    let values: Vec<&str> = (at..at + 4).map_while(|at| head_value(text(at))).collect();
    let has_date = values.iter().any(|value| patterns.date.is_match(value));
    match certainty {
        // A name and an address: `Ada <ada@example.org>`.
        Certainty::Sure => {
            values.len() >= 3 && has_date && first.contains('<') && patterns.address.is_match(first)
        }
        Certainty::Likely => {
            values.len() >= 2 && has_date && values.iter().any(|value| patterns.address.is_match(value))
        }
    }
}

/// The value of a line such as `From: Ada` or `**Von:** Ada`.
fn head_value(line: &str) -> Option<&str> {
    let (name, value) = line.split_once([':', '：'])?;
    let name = name.trim_matches(|c: char| c == '*' || c.is_whitespace());
    let is_name = !name.is_empty()
        && name.chars().count() <= 20
        && name.chars().all(|c| c.is_alphabetic() || matches!(c, ' ' | '-'));
    let value = value.trim_matches(|c: char| c == '*' || c.is_whitespace());
    (is_name && !value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticket::markdown::lines;

    fn parts(text: &str) -> MailParts {
        find(&lines(text))
    }

    #[test]
    fn the_patterns_compile() {
        assert!(Patterns::compile().is_some());
    }

    /// No command is found below any of these.
    #[test]
    fn what_mail_programs_write_is_a_sign() {
        for tail in [
            "-- \nAda",
            "--\nAda",
            "-----Original Message-----\nFrom: Ada",
            "---------- Forwarded message ---------",
            "-----Ursprüngliche Nachricht-----",
            "-----Oprindelig meddelelse-----",
            "Begin forwarded message:",
            "________________________________\nFrom: Ada",
            "On Mon, 1 Jun 2026 at 10:00, Ada <ada@example.org> wrote:\n> Hello",
            "On Mon, 1 Jun 2026 at 10:00, Ada Lovelace\n<ada@example.org> wrote:\n> Hello",
            "On Mon, Jun 1, 2026 at 10:00 AM Ada ***@***.***> wrote:\n\nHello",
            "Am 01.06.2026 um 10:00 schrieb Ada <ada@example.org>:",
            "Am Mo., 1. Juni 2026 um 10:00 Uhr schrieb Ada\n<ada@example.org>:",
            "Le lun. 1 juin 2026 à 10:00, Ada <ada@example.org> a écrit :",
            "Le 1 juin 2026 à 10:00, Ada a écrit\u{a0}:",
            "El lun, 1 jun 2026 a las 10:00, Ada escribió:",
            "Op ma 1 jun. 2026 om 10:00 schreef Ada:",
            // Languages of which no word is known here.
            "пн, 1 июн. 2026 г. в 10:00, Ада <ada@example.org>:",
            "W dniu 1.06.2026 o 10:00, Ada pisze:",
            "1.6.2026 klo 10.00 Ada kirjoitti:",
            "2026年6月1日(月) 10:00 Ada <ada@example.org>:",
            "2026年6月1日 10:00、エイダのメール：",
            "From: Ada <ada@example.org>\nSent: Monday, June 1, 2026 10:00\nTo: tickets",
            "**From:** Ada\n**Date:** Monday",
            "Von: Ada\nGesendet: Montag, 1. Juni 2026 10:00",
            "De : Ada\nEnvoyé : lundi 1 juin 2026",
            "Fra: Ada <ada@example.org>\nSendt: 1. juni 2026 10:00",
            "Från: ada@example.org\nTill: tickets\nSkickat: den 1 juni 2026",
            "Sent from my iPhone",
            "Sent from Outlook for iOS",
            "Get Outlook for Android",
            "Von meinem iPhone gesendet",
            "Gesendet von Mail für Windows",
            "Envoyé de mon iPhone",
            "You are receiving this because you were assigned.",
        ] {
            for above in ["", "Thanks\n", "Thanks\n\n", "Größe\n"] {
                let text = format!("{above}{tail}\n/qfield:support");
                assert_eq!(parts(&text).first_sign, Some(above.lines().count()), "{text:?}");
            }
        }
    }

    #[test]
    fn what_people_write_is_no_sign() {
        for text in [
            "",
            "On Monday it worked",
            "On our tablets sync never finishes.\nAda wrote that it worked yesterday",
            "> On Mon, 1 Jun 2026 at 10:00, Ada wrote:\n> Hello",
            "From: here to there it takes long",
            "Messages sent from my phone are lost",
            "---\nA line",
            "- - a list",
            "----- what is this?",
            "Errors since 2026-06-01 10:00:\nworkers are down",
            "System: north\nVersion: 4.2\nSince: 2026-06-01 10:00",
            "These are the steps:\n> sync\n> wait",
        ] {
            assert_eq!(parts(text), MailParts::default(), "{text:?}");
        }
    }

    /// A doubtful line ends commands, and leaves the author's words the author's.
    #[test]
    fn doubt_takes_no_words_away() {
        for (text, is_sure) in [
            ("On 1 June 2026 at 10:00 the tablet showed:\nworkers are down", false),
            ("Reporter: ada@example.org\nSince: 2026-06-01 10:00\nworkers are down", false),
            ("----- Log -----\nworkers are down", false),
            ("Sent from the tablet, deltas hang", false),
            ("a | b\n--\nworkers are down", false),
            ("```sql\n-- \nselect 1\n```\nworkers are down", false),
            ("fyi\n\nSent from my iPhone\n\nworkers are down", true),
            ("Fra: Ada <ada@example.org>\nSendt: 1. juni 2026 10:00\nTil: Bo\n\nworkers are down", true),
            ("----- Videresendt -----\nFra: ada@example.org\nSendt: 1. juni 2026\n\nworkers are down", true),
        ] {
            let found = parts(text);
            assert!(found.first_sign.is_some(), "{text:?}");
            assert_eq!(found.signature.or(found.older_message).is_some(), is_sure, "{text:?}: {found:?}");
        }
    }
}
