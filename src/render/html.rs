//! Markdown as a page of HTML that stands alone: no script, no request, readable in light and dark.

use crate::core::text::html::escape_html;
use pulldown_cmark::{Event, Options, Parser, html};

const STYLE: &str = "\
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0 }
th, td { border: 1px solid color-mix(in srgb, currentColor 25%, transparent); padding: .3rem .7rem; text-align: left }
code { font: .9em ui-monospace, monospace }";

/// A page with this title. HTML in the text is shown as text.
pub(crate) fn page(title: &str, markdown: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let as_text = |event| match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        event => event,
    };
    let mut body = String::new();
    html::push_html(&mut body, Parser::new_ext(markdown, options).map(as_text));
    let heading = escape_html(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{heading}</title>\n\
         <style>\n{STYLE}\n</style>\n</head>\n<body>\n{body}</body>\n</html>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_of_a_stranger_stays_text() {
        let page = page(
            "<b>",
            "# A\n\n<script>alert(1)</script>\n\nx <img src=x> [y](javascript:z)\n\n| a |\n|---|\n| 1 |",
        );
        assert!(page.contains("<title>&lt;b&gt;</title>"), "{page}");
        assert!(page.contains("&lt;script&gt;") && !page.contains("<script"), "{page}");
        assert!(page.contains("&lt;img") && page.contains("<td>1</td>"), "{page}");
    }
}
