//! The page for people: its three files, which are part of the program.
//!
//! It shows what the control endpoints tell and asks queries like any client. Nothing of it comes from elsewhere,
//! and the browser is told to load and to run nothing else.

use hyper::{HeaderMap, Response, StatusCode, header};

use crate::http::{Body, set, typed};

/// Only what comes from this address may be loaded, and nothing that stands in the page itself is run.
const POLICY: &str =
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A file of the page.
#[derive(Clone, Copy)]
pub(crate) enum PageFile {
    Document,
    Script,
    Style,
}

impl PageFile {
    /// The file at a path. The document is for those who ask for HTML: others get the error of an unknown address.
    pub(crate) fn of(path: &str, headers: &HeaderMap) -> Option<Self> {
        match path {
            "/" => accepts_html(headers).then_some(Self::Document),
            "/emulator/page.js" => Some(Self::Script),
            "/emulator/page.css" => Some(Self::Style),
            _ => None,
        }
    }

    pub(crate) fn answer(self) -> Response<Body> {
        let (content_type, text) = match self {
            Self::Document => ("text/html; charset=utf-8", include_str!("index.html")),
            Self::Script => ("text/javascript; charset=utf-8", include_str!("page.js")),
            Self::Style => ("text/css; charset=utf-8", include_str!("page.css")),
        };
        let mut reply = typed(StatusCode::OK, content_type, text.to_owned());
        for (name, value) in [
            ("content-security-policy", POLICY),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            // Another version of the emulator may come to this address.
            ("cache-control", "no-store"),
            ("vary", "accept"),
        ] {
            set(&mut reply, name, value);
        }
        reply
    }
}

fn accepts_html(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter();
    let mut ranges = accepted
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    ranges.any(|range| {
        let name = range.split(';').next().unwrap_or_default().trim();
        name.eq_ignore_ascii_case("text/html")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_small() {
        let files = [
            include_str!("index.html"),
            include_str!("page.js"),
            include_str!("page.css"),
        ];
        assert!(files.map(str::len).iter().sum::<usize>() < 100 << 10);
    }

    #[test]
    fn only_who_asks_for_html_gets_it() {
        for (accept, gets) in [
            ("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", true),
            ("application/json, Text/HTML;q=0.5", true),
            ("application/json", false),
            ("*/*", false),
            ("text/htmlx", false),
        ] {
            let value = header::HeaderValue::from_static(accept);
            let headers = HeaderMap::from_iter([(header::ACCEPT, value)]);
            assert_eq!(PageFile::of("/", &headers).is_some(), gets, "{accept}");
        }
        assert!(PageFile::of("/", &HeaderMap::new()).is_none());
    }
}
