//! HTML: pages from data and the templates in `dashboard/`, and Markdown of our own as HTML.
//!
//! Whatever a template prints is escaped and loses its hidden characters, unless it is marked as safe. Only
//! [`markdown`] marks something as safe.

use crate::core::text::html::escape_html;
use crate::core::text::sanitize::visible;
use crate::render::markdown::BREAK;
use crate::render::{PromptError, problem};
use include_dir::{Dir, include_dir};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use serde::Serialize;

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/dashboard");

/// The templates of pages.
#[derive(Debug, Clone)]
pub struct Pages {
    env: Environment<'static>,
}

impl Pages {
    /// The templates that travel inside the binary.
    ///
    /// # Errors
    /// [`PromptError::Broken`] if one of them is not a template.
    pub fn built_in() -> Result<Self, PromptError> {
        let mut env = Environment::new();
        env.set_undefined_behavior(UndefinedBehavior::Strict);
        if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
            env.set_syntax(syntax);
        }
        // The formatter escapes. With this, what a macro has printed counts as escaped.
        env.set_auto_escape_callback(|_| AutoEscape::Html);
        env.set_formatter(|out, _, value| {
            if value.is_undefined() {
                return Err(minijinja::Error::from(minijinja::ErrorKind::UndefinedError));
            }
            if value.is_none() {
                return Ok(());
            }
            let text = value.to_string();
            let text = if value.is_safe() { text } else { escape_html(&text) };
            out.write_str(&text).map_err(minijinja::Error::from)
        });
        env.add_filter("markdown", |text: String| Value::from_safe_string(markdown(&text)));
        for file in FILES.files() {
            let name = file.path().to_string_lossy().into_owned();
            let (true, Some(text)) = (name.ends_with(".html"), file.contents_utf8()) else { continue };
            env.add_template_owned(name.clone(), text.to_owned())
                .map_err(|error| PromptError::Broken { name, error: problem(&error) })?;
        }
        Ok(Self { env })
    }

    /// A page.
    ///
    /// # Errors
    /// What the template stumbled on.
    pub fn fill(&self, name: &str, data: impl Serialize) -> Result<String, String> {
        let template = self.env.get_template(name).map_err(|error| problem(&error))?;
        template.render(Value::from(Serde(data))).map_err(|error| format!("{name}: {}", problem(&error)))
    }
}

/// A file that pages refer to, such as `style.css`.
pub fn page_asset(name: &str) -> Option<&'static [u8]> {
    FILES.get_file(name).map(include_dir::File::contents)
}

/// Markdown of a report as HTML. HTML in it is dropped, apart from what folds a part away. Images are dropped, and
/// links lead to web pages only.
pub fn markdown(text: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let mut folded = 0_usize;
    let mut is_linked = Vec::new();
    let mut images = 0_usize;
    let mut kept: Vec<Event<'_>> = Vec::new();
    for event in Parser::new_ext(text, options) {
        match event {
            Event::Html(html) | Event::InlineHtml(html) => {
                let html = folds(&html, &mut folded);
                kept.push(Event::Html(html.into()));
            }
            Event::Start(Tag::HtmlBlock) | Event::End(TagEnd::HtmlBlock) => {}
            Event::Start(Tag::Link { ref dest_url, .. }) => {
                let leads_out = ["https://", "http://"].iter().any(|scheme| {
                    dest_url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
                });
                is_linked.push(leads_out);
                kept.extend(leads_out.then_some(event));
            }
            Event::End(TagEnd::Link) => {
                let was_linked = is_linked.pop().unwrap_or_default();
                kept.extend(was_linked.then_some(event));
            }
            // Of an image its text is left.
            Event::Start(Tag::Image { .. }) => images += 1,
            Event::End(TagEnd::Image) => images = images.saturating_sub(1),
            Event::Text(text) => kept.push(Event::Text(plain(&text).into())),
            Event::Code(text) => kept.push(Event::Code(plain(&text).into())),
            other => kept.push(other),
        }
    }
    let mut out = String::with_capacity(text.len() * 2);
    pulldown_cmark::html::push_html(&mut out, kept.into_iter());
    out.push_str(&"</details>".repeat(folded));
    out
}

fn plain(text: &str) -> String {
    visible(&text.replace(BREAK, "")).into_owned()
}

/// Of HTML, what opens and closes a part that is folded away. `open` counts those that are open.
fn folds(html: &str, open: &mut usize) -> String {
    let mut out = String::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let (_, tag) = rest.split_at(at);
        let mut skipped = 1;
        if tag.starts_with("<details>") {
            out.push_str("<details>");
            *open += 1;
        } else if tag.starts_with("</details>") && *open > 0 {
            out.push_str("</details>");
            *open -= 1;
        } else if let Some((title, _)) =
            tag.strip_prefix("<summary>").and_then(|inner| inner.split_once("</summary>"))
            && *open > 0
        {
            skipped = "<summary></summary>".len() + title.len();
            let title = if title.contains(['<', '>']) { escape_html(title) } else { title.to_owned() };
            out.push_str(&format!("<summary>{title}</summary>"));
        }
        rest = tag.get(skipped..).unwrap_or_default();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::escape as escape_markdown;
    use serde_json::json;

    #[test]
    fn a_page_shows_every_value_as_text() {
        let mut pages = Pages::built_in().unwrap();
        pages.env.add_template("t.html", "<p title=\"{{ x }}\">{{ x }}{{ none_ }}</p>").unwrap();
        let hostile = "<img src=x onerror=alert(1)>\"'&\u{202E}";
        let page = pages.fill("t.html", json!({ "x": hostile, "none_": null })).unwrap();
        let shown = "&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;";
        assert_eq!(page, format!("<p title=\"{shown}\">{shown}</p>"));
        assert!(pages.fill("t.html", json!({})).is_err(), "what is missing is an error");
    }

    #[test]
    fn markdown_brings_no_html_of_its_own() {
        for (text, expect) in [
            ("a **b** `c`", "<p>a <strong>b</strong> <code>c</code></p>\n"),
            ("<script>alert(1)</script>", ""),
            ("x <b onclick=y>z</b>", "<p>x z</p>\n"),
            ("<img src=x onerror=alert(1)>", ""),
            (
                "[x](javascript:alert(1)) [y](HTTPS://example.org/)",
                "<p>x <a href=\"HTTPS://example.org/\">y</a></p>\n",
            ),
            ("![alt](https://example.org/x.png)", "<p>alt</p>\n"),
            (
                "<details><summary>Proof</summary>\n\nfolded\n\n</details>\n",
                "<details><summary>Proof</summary>\n<p>folded</p>\n</details>",
            ),
            (
                "<details><summary><b>x</b></summary>",
                "<details><summary>&lt;b&gt;x&lt;/b&gt;</summary></details>",
            ),
            // What was not opened is not closed, and what was opened is.
            ("</details></main>", ""),
            ("<details open ontoggle=x>", ""),
            ("a\u{200B}b", "<p>ab</p>\n"),
        ] {
            assert_eq!(markdown(text), expect, "{text}");
        }
        let hostile = escape_markdown("</p><script>x</script> @ada <details>");
        assert_eq!(
            markdown(&hostile),
            "<p>&lt;/p&gt;&lt;script&gt;x&lt;/script&gt; @ada &lt;details&gt;</p>\n"
        );
    }
}
