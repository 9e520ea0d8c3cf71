//! Answers by e-mail: what a mail client puts below them was not written now.

use regex::Regex;
use std::sync::LazyLock;

/// A comment, and where in it the tail of a mail begins.
pub(crate) struct MailText {
    pub text: String,
    /// Its length if there is none.
    pub tail: usize,
}

/// What begins a tail, at the beginning of a line. Each in the languages of the mail clients that people
/// have; in doubt the rest is not heard.
const TAILS: [&str; 8] = [
    // A signature.
    r"--[ \t]*$",
    // `-----Original Message-----`, `---------- Forwarded message ---------`, and Apple's.
    r"-{5}[^\n]*\p{Alphabetic}[^\n]*-{5}[ \t]*$",
    r"Begin forwarded message[ \t]*:",
    // Outlook's line above what is answered.
    r"_{10,}[ \t]*$",
    // `On Mon, 1 Jun 2026 at 10:00, Ada wrote:`, which clients wrap.
    r"(On|Am|Den|Le|El|Il|Op|Em)[ \t](?:[^\n]+\n){0,2}?[^\n]*\b(wrote|schrieb|a écrit|escribió|ha scritto|schreef|escreveu|skrev)\b(?:[^\n]*\n)?[^\n]*:[ \t]*$",
    // The head of what is answered.
    r"\**(From|Von|De|Da|Van)[ \t\u{a0}]*:[^\n]*\n(?:[^\n]*\n)?\**(Sent|Date|To|Gesendet|Datum|An|Envoyé|À|Enviado|Para|Inviato|A|Verzonden|Aan)[ \t\u{a0}]*:",
    // Phones, and programs that praise themselves.
    r"(Sent (from|via|with)\b|Get Outlook for\b|Von meinem\b[^\n]*\bgesendet|Gesendet (von|mit|über)\b|Diese Nachricht wurde von mein|Envoyé (de|depuis|avec)\b|Télécharge[rz] Outlook|Enviado desde\b|Inviato da\b|Verzonden vanaf\b)",
    // What GitHub itself puts below its mails.
    r"(Reply to this email directly|You are receiving this because)\b",
];

#[expect(clippy::expect_used, reason = "the pattern is a constant")]
static TAIL: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(&format!(r"(?im)^(?:{})", TAILS.join("|"))).expect("a constant pattern"));

/// Finds the tail. The line of a signature would make a heading of the line above it, which is no part of
/// it: it is made a word.
pub(crate) fn read(body: String) -> MailText {
    let Some(found) = TAIL.find(&body) else { return MailText { tail: body.len(), text: body } };
    let tail = found.start();
    let mut text = body;
    if text[tail..].starts_with("-- ") {
        text.replace_range(tail..tail + 2, "xx");
    }
    MailText { text, tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_below_an_answer_is_known() {
        for tail in [
            "-- \nAda",
            "--\nAda",
            "-----Original Message-----\nFrom: Ada",
            "---------- Forwarded message ---------",
            "-----Ursprüngliche Nachricht-----",
            "Begin forwarded message:",
            "________________________________\nFrom: Ada",
            "On Mon, 1 Jun 2026 at 10:00, Ada <ada@example.org> wrote:\n> Hello",
            "On Mon, 1 Jun 2026 at 10:00, Ada Lovelace\n<ada@example.org> wrote:\n> Hello",
            "Am 01.06.2026 um 10:00 schrieb Ada <ada@example.org>:",
            "Am Mo., 1. Juni 2026 um 10:00 Uhr schrieb Ada\n<ada@example.org>:",
            "Le lun. 1 juin 2026 à 10:00, Ada <ada@example.org> a écrit :",
            "Le 1 juin 2026 à 10:00, Ada a écrit\u{a0}:",
            "El lun, 1 jun 2026 a las 10:00, Ada escribió:",
            "Op ma 1 jun. 2026 om 10:00 schreef Ada:",
            "From: Ada <ada@example.org>\nSent: Monday, June 1, 2026 10:00\nTo: tickets",
            "**From:** Ada\n**Date:** Monday",
            "Von: Ada\nGesendet: Montag, 1. Juni 2026 10:00",
            "De : Ada\nEnvoyé : lundi 1 juin 2026",
            "Sent from my iPhone",
            "Sent from Outlook for iOS",
            "Get Outlook for Android",
            "Von meinem iPhone gesendet",
            "Gesendet von Mail für Windows",
            "Envoyé de mon iPhone",
            "You are receiving this because you were assigned.",
        ] {
            for above in ["", "Thanks\n", "Thanks\n\n", "Größe\n"] {
                let MailText { text, tail: found } = read(format!("{above}{tail}\n/qfield:support"));
                assert_eq!(found, above.len(), "{text:?}");
            }
        }
    }

    #[test]
    fn what_people_write_is_no_tail() {
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
        ] {
            assert_eq!(read(text.to_owned()).tail, text.len(), "{text:?}");
        }
    }
}
