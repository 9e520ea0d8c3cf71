//! Which requests are answered at all, and the headers of every answer.
//!
//! A page of a stranger can lead a browser here by a name that suddenly means this machine (DNS rebinding), and can
//! send forms here. So the name in `Host` has to be known, and a form has to come from a page of this very site.

use crate::core::text::web_path::is_web_path;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use std::net::{IpAddr, SocketAddr};
use url::Url;

/// Nothing comes from elsewhere, and nothing runs that stands in a page itself.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// With `no-referrer`, browsers would not say where a form comes from.
const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];

/// Adds what every answer has. A page is not kept by anybody: it shows what only some may see.
pub(super) fn protect(headers: &mut HeaderMap) {
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// Whether the site is meant: by this machine's own names, the address that it listens on, or its public name.
pub(super) fn is_known_host(headers: &HeaderMap, listen: SocketAddr, public: Option<&Url>) -> bool {
    let mut hosts = headers.get_all(header::HOST).into_iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Some(host) = host.to_str().ok().and_then(host_name) else { return false };
    let is_public = public.and_then(Url::host_str).is_some_and(|name| name.eq_ignore_ascii_case(host));
    if host.eq_ignore_ascii_case("localhost") || is_public {
        return true;
    }
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    // A name can be made to mean this machine, an address can not.
    address.is_ok_and(|it| it.is_loopback() || it == listen.ip() || listen.ip().is_unspecified())
}

/// The name or address of `name:port`.
fn host_name(host: &str) -> Option<&str> {
    let name = match host.rfind(':') {
        Some(at) if !host.ends_with(']') => {
            let (name, port) = host.split_at(at);
            if !port.bytes().skip(1).all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            name
        }
        _ => host,
    };
    (!name.is_empty()).then_some(name)
}

/// Whether a form was sent by a page of this site. Every browser says where a form comes from.
pub(super) fn is_same_origin(headers: &HeaderMap, public: Option<&Url>) -> bool {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let site = text(&HeaderName::from_static("sec-fetch-site"));
    if site.is_some_and(|site| site != "same-origin") {
        return false;
    }
    let Some(origin) = text(&header::ORIGIN) else { return site.is_some() };
    let Ok(origin) = Url::parse(origin) else { return false };
    let is_public = public.is_some_and(|public| public.origin() == origin.origin());
    let own = text(&header::HOST).unwrap_or_default();
    let authority = match (origin.host_str(), origin.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => return false,
    };
    is_public || authority.eq_ignore_ascii_case(own)
}

/// The path under which a reverse proxy shows the site, without a slash at its end. What does not look like one is
/// none.
pub(super) fn prefix(headers: &HeaderMap, configured: &str) -> String {
    let told = headers.get("x-forwarded-prefix").and_then(|value| value.to_str().ok());
    let told = told.map(|path| path.trim_end_matches('/')).filter(|path| is_web_path(path));
    told.unwrap_or(configured).to_owned()
}

/// Whether the browser came by TLS, as far as the proxy says.
pub(super) fn is_secure(headers: &HeaderMap, public: Option<&Url>) -> bool {
    let told = headers.get("x-forwarded-proto").is_some_and(|value| value.as_bytes() == b"https");
    let is_public = public.is_some_and(|public| {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).and_then(host_name);
        public.scheme() == "https" && public.host_str() == host
    });
    told || is_public
}

/// The word of a cookie.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
        list.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_known_names_are_answered() {
        let listen: SocketAddr = "203.0.113.7:8788".parse().unwrap();
        let public = Url::parse("https://ops.example.org/medic").unwrap();
        for (host, expect) in [
            ("127.0.0.1:8788", true),
            ("127.1.2.3", true),
            ("localhost:9000", true),
            ("[::1]:8788", true),
            ("203.0.113.7:8788", true),
            ("ops.example.org", true),
            ("OPS.example.org:443", true),
            ("203.0.113.8", false),
            ("rebound.example.net:8788", false),
            ("localhost.example.net", false),
            ("127.0.0.1.example.net", false),
            ("localhost:8788@example.net", false),
            ("", false),
            (":8788", false),
        ] {
            assert_eq!(is_known_host(&headers(&[("host", host)]), listen, Some(&public)), expect, "{host}");
        }
        assert!(!is_known_host(&HeaderMap::new(), listen, None));
        assert!(!is_known_host(&headers(&[("host", "ops.example.org")]), listen, None));
        let everywhere: SocketAddr = "0.0.0.0:8788".parse().unwrap();
        assert!(is_known_host(&headers(&[("host", "203.0.113.8:8788")]), everywhere, None));
        let mut two = headers(&[("host", "localhost")]);
        two.append(header::HOST, HeaderValue::from_static("rebound.example.net"));
        assert!(!is_known_host(&two, listen, None));
    }

    #[test]
    fn a_form_comes_from_a_page_of_the_site() {
        let public = Url::parse("https://ops.example.org/").unwrap();
        for (list, expect) in [
            (&[("host", "localhost:8788"), ("origin", "http://localhost:8788")][..], true),
            (&[("host", "localhost:8788"), ("sec-fetch-site", "same-origin")], true),
            (&[("host", "127.0.0.1:8788"), ("origin", "https://ops.example.org")], true),
            (&[("host", "localhost:8788")], false),
            (&[("host", "localhost:8788"), ("origin", "null")], false),
            (&[("host", "localhost:8788"), ("origin", "http://localhost:3000")], false),
            (&[("host", "localhost:8788"), ("origin", "https://example.net")], false),
            (&[("host", "localhost:8788"), ("origin", "http://ops.example.org")], false),
            (
                &[
                    ("host", "localhost:8788"),
                    ("sec-fetch-site", "same-site"),
                    ("origin", "http://localhost:8788"),
                ],
                false,
            ),
            (&[("host", "localhost:8788"), ("sec-fetch-site", "cross-site")], false),
        ] {
            assert_eq!(is_same_origin(&headers(list), Some(&public)), expect, "{list:?}");
        }
    }

    #[test]
    fn a_prefix_is_a_plain_path() {
        for (told, expect) in [
            ("/medic", "/medic"),
            ("/a/b-c/", "/a/b-c"),
            ("/", ""),
            ("//example.net", "/own"),
            ("/a//b", "/own"),
            ("/../x", "/own"),
            ("https://example.net", "/own"),
            ("/a\"><script>", "/own"),
            ("javascript:alert(1)", "/own"),
        ] {
            assert_eq!(prefix(&headers(&[("x-forwarded-prefix", told)]), "/own"), expect, "{told}");
        }
        assert_eq!(prefix(&HeaderMap::new(), "/own"), "/own");
    }
}
