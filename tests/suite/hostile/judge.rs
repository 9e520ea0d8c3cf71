//! A judge of what the agent writes on GitHub: what would GitHub make of it?
//!
//! It knows nothing of how the agent escapes. It renders the Markdown with a parser of its own and looks
//! at the text that is left outside code for all that GitHub turns into a link, a mention or a picture.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use regex::Regex;
use std::sync::LazyLock;

/// GitHub takes no longer text.
pub const LONGEST: usize = 65_536;

/// What GitHub looks for in text, after rendering. Stricter than GitHub where GitHub is not documented.
static LIVE: LazyLock<Vec<(&str, Regex)>> = LazyLock::new(|| {
    [
        ("a mention or an address", r"@[A-Za-z0-9]"),
        ("an issue", r"#[0-9]"),
        ("an issue", r"(?i)(?:^|[^A-Za-z0-9_])gh-[0-9]"),
        ("a commit", r"(?i)(?:^|[^\p{L}\p{N}_])[0-9a-f]{7,40}(?:$|[^\p{L}\p{N}_])"),
        ("a link", r"(?i)[a-z][a-z0-9+.-]*://[^\s]"),
        ("a link", r"(?i)(?:^|[^A-Za-z0-9_])www\.[^\s]"),
        ("a picture", r":(?:[a-z0-9_+-]*[a-z+][a-z0-9_+-]*|-1|[0-9]{3,}):"),
        ("hidden characters", "[\u{0}-\u{8}\u{B}-\u{1F}\u{7F}-\u{9F}\u{202A}-\u{202E}\u{2066}-\u{2069}]"),
    ]
    .map(|(what, pattern)| (what, Regex::new(pattern).expect("a constant pattern")))
    .into()
});

/// The HTML that the prompts themselves hold.
static OWN_HTML: LazyLock<Regex> = LazyLock::new(|| {
    let own = r"\A(?:<details><summary>[A-Za-z0-9 :]+</summary>|</details>|<sub>|</sub>)\s*\z";
    Regex::new(own).expect("a constant pattern")
});

static MARKER: LazyLock<Regex> = LazyLock::new(|| {
    let marker = r"\A<!-- fieldmedic [a-z]+[ a-z0-9.=-]*-->\n";
    Regex::new(marker).expect("a constant pattern")
});

/// A text taken apart.
#[derive(Debug, Default)]
pub struct Rendered {
    /// The blocks and spans, without their text.
    pub skeleton: Vec<String>,
    /// The text outside code; nodes are parted by a line end.
    pub text: String,
    /// The text in code.
    pub code: String,
    /// Each span of code.
    pub spans: Vec<String>,
    /// What is read: the text outside blocks of code, with the spans of code in their places.
    pub shown: String,
    /// Raw HTML, piece by piece.
    pub html: Vec<String>,
}

impl Rendered {
    fn end_node(&mut self) {
        self.text.push('\n');
        self.shown.push('\n');
    }
}

pub fn render(body: &str) -> Rendered {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_MATH
        | Options::ENABLE_GFM;
    let mut out = Rendered::default();
    let mut in_code = false;
    for event in Parser::new_ext(body, options) {
        match event {
            Event::Text(text) if in_code => out.code.push_str(&text),
            // A text that escapes part is one text still.
            Event::Text(text) => {
                out.text.push_str(&text);
                out.shown.push_str(&text);
            }
            Event::Code(code) => {
                out.skeleton.push("code".into());
                out.code.push_str(&code);
                out.text.push('\n');
                out.shown.push_str(&code);
                out.spans.push(code.into_string());
            }
            Event::Html(html) | Event::InlineHtml(html) => {
                out.html.push(html.into_string());
                out.end_node();
            }
            Event::SoftBreak | Event::HardBreak => {
                out.skeleton.push("break".into());
                out.end_node();
            }
            Event::Start(tag) => {
                in_code |= matches!(tag, Tag::CodeBlock(_));
                out.skeleton.push(name(&tag));
                out.end_node();
            }
            Event::End(end) => {
                in_code &= end != TagEnd::CodeBlock;
                out.skeleton.push("end".into());
                out.end_node();
            }
            other => {
                out.skeleton.push(format!("{other:?}").chars().take_while(|c| c.is_alphanumeric()).collect());
                out.end_node();
            }
        }
    }
    out
}

fn name(tag: &Tag<'_>) -> String {
    match tag {
        Tag::CodeBlock(CodeBlockKind::Indented) => "indented code".into(),
        Tag::Heading { level, .. } => format!("heading {level}"),
        other => format!("{other:?}").chars().take_while(|c| c.is_alphanumeric()).collect(),
    }
}

/// What GitHub would make of a text, that is more than text. Nothing is allowed.
pub fn lively(text: &str) -> Vec<String> {
    let found = LIVE.iter().filter_map(|(what, regex)| Some((what, regex.find(text)?)));
    found.map(|(what, found)| format!("{what}: {:?}", found.as_str())).collect()
}

/// What is wrong with a comment of the agent. Only these logins may be mentioned.
pub fn judge(body: &str, mentions: &[&str]) -> Vec<String> {
    let mut wrongs = Vec::new();
    if body.chars().count() > LONGEST {
        wrongs.push(format!("{} characters are too many", body.chars().count()));
    }
    let rest = MARKER.replace(body, "");
    let rendered = render(&rest);
    let mut text = rendered.text.clone();
    for login in mentions {
        text = text.replace(&format!("@{login}"), "");
    }
    wrongs.extend(lively(&text));
    for html in rendered.html.iter().flat_map(|html| html.lines()).filter(|line| !line.trim().is_empty()) {
        if !OWN_HTML.is_match(html) {
            wrongs.push(format!("HTML: {html:?}"));
        }
    }
    let html = rendered.html.concat();
    for (open, close) in [("<details>", "</details>"), ("<sub>", "</sub>")] {
        if html.matches(open).count() != html.matches(close).count() {
            wrongs.push(format!("{open} is not closed"));
        }
    }
    for kind in [
        "Link",
        "Image",
        "Footnote",
        "TaskList",
        "InlineMath",
        "DisplayMath",
        "Rule",
        "indented code",
        "Strikethrough",
    ] {
        if rendered.skeleton.iter().any(|part| part.starts_with(kind)) {
            wrongs.push(format!("{kind} in {:?}", rendered.text));
        }
    }
    if rendered.skeleton.iter().any(|part| part.starts_with("heading") && part != "heading h3") {
        wrongs.push("a heading that no prompt has".into());
    }
    wrongs
}

#[test]
fn the_judge_sees_what_github_would_do() {
    for bad in [
        "hello @everyone",
        "(@org/team)",
        "a@b.example",
        "see #1",
        "example/tickets#1",
        "GH-1",
        "commit 0123abc",
        "https://x",
        "ftp://x",
        "www.example.org",
        ":tada:",
        ":+1:",
        ":100:",
        "[a](b)",
        "![a](b)",
        "<b>x</b>",
        "<!-- x -->",
        "a[^1]\n\n[^1]: b",
        "- [ ] task",
        "$x$",
        "$$x$$",
        "a\n===",
        "# a",
        "---",
        "    code",
        "<https://x>",
        "~~x~~",
        "a\u{202E}b",
        "\u{9B}",
        "x\n<!-- fieldmedic case=c1 kind=report -->",
        "[a]\n\n[a]: /b",
        "<img src=x>",
        "<details><summary>a</summary>",
    ] {
        assert_ne!(judge(bad, &["ops-lead"]), [] as [String; 0], "{bad:?}");
    }
    for good in [
        "hello @ops-lead",
        "`@everyone #1`",
        "```\n@everyone <b>\n```",
        "| a | b |\n|---|---|\n| `x` | 3 |",
        "### a\n\n> b",
        "<!-- fieldmedic case=c1 kind=report -->\ntext",
        "10:00:00 and 1.5 of 12",
        "<details><summary>a</summary>\n\nx\n\n</details>",
    ] {
        assert_eq!(judge(good, &["ops-lead"]), [] as [String; 0], "{good:?}");
    }
}
