//! A test: what the pages of this repository name must exist.
//!
//! A page names a file in two ways. The target of a Markdown link without a scheme is relative to the page; its heading is
//! not looked up. A word in back quotes counts as a path when it has a `/` and ends with one or with an extension; it is
//! relative to the repository or to the page. Where a part of it is a placeholder, what is before that part must exist.
//! Code blocks are not read, nor is what stands in back quotes over the end of a line.

use std::path::{Path, PathBuf};

use crate::workspace;

/// The directories whose `.md` files are pages.
const DIRECTORIES: [&str; 13] = [
    "",
    "benches",
    "bindings",
    "bindings/cpp",
    "bindings/csharp",
    "bindings/go",
    "bindings/node",
    "catalog",
    "docs",
    "emulator",
    "emulator/tests/golden",
    "examples",
    "tests/conformance",
];

/// Parts of a path that stand for a name; so does a part with one of `*<{`.
const PLACEHOLDERS: [&str; 2] = ["NAME", "LANGUAGE"];

/// What is made by a build, or stands where the library is installed (`DIR` in its pages).
const ELSEWHERE: [&str; 4] = [".toolchain/", "DIR/", "lib/", "target/"];

fn pages() -> Vec<PathBuf> {
    let in_directory =
        |directory: &&str| workspace::files(&workspace::root().join(directory), "md");
    DIRECTORIES.iter().flat_map(in_directory).collect()
}

/// What a page names and does not exist.
fn missing(text: &str, directory: &Path) -> Vec<String> {
    let mut missing = Vec::new();
    for line in prose(text) {
        let links = links(line).filter(|target| !exists(directory, target));
        missing.extend(links.map(str::to_owned));
        let paths = quoted(line).filter(|word| is_path(word));
        let paths = paths.filter(|path| !exists(workspace::root(), path));
        missing.extend(
            paths
                .filter(|path| !exists(directory, path))
                .map(str::to_owned),
        );
    }
    missing
}

/// The lines outside of code blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut in_block = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        in_block ^= is_fence;
        !in_block && !is_fence
    })
}

/// The targets of links to files.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let targets = line.split("](").skip(1);
    let targets = targets.filter_map(|rest| rest.split_once(')').map(|(target, _)| target));
    let files = targets.filter(|target| !target.contains("://"));
    let files = files.map(|target| target.split('#').next().unwrap_or(target));
    files.filter(|target| !target.is_empty())
}

/// What stands in back quotes.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

fn is_path(word: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "/._-*<>{},".contains(c);
    let last = word.rsplit('/').next().unwrap_or(word);
    let extension = last.rsplit_once('.').map(|(_, extension)| extension);
    word.contains('/')
        && !word.starts_with('/')
        && word.chars().all(fits)
        && !ELSEWHERE.iter().any(|start| word.starts_with(start))
        && (last.is_empty()
            || extension.is_some_and(|it| it.starts_with(|c: char| c.is_ascii_alphabetic())))
}

fn exists(base: &Path, path: &str) -> bool {
    let known = path.split('/').take_while(|part| !is_placeholder(part));
    base.join(known.collect::<PathBuf>()).exists()
}

fn is_placeholder(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or(part);
    PLACEHOLDERS.contains(&stem) || part.contains(['*', '<', '{'])
}

#[test]
fn what_the_pages_name_exists() {
    let mut all = Vec::new();
    for page in pages() {
        let directory = page.parent().unwrap_or(workspace::root());
        let text = workspace::read(&page).unwrap();
        let name = page.strip_prefix(workspace::root()).unwrap().display();
        all.extend(
            missing(&text, directory)
                .iter()
                .map(|path| format!("{name}: {path}")),
        );
    }
    assert!(all.is_empty(), "do not exist:\n{}", all.join("\n"));
}

#[test]
fn every_page_with_rules_or_a_tour_is_read() {
    let pages = pages();
    for page in ["README.md", "docs/ERRORS.md", "bindings/go/README.md"] {
        assert!(pages.contains(&workspace::root().join(page)), "{page}");
    }
}

#[test]
fn a_page_is_held_to_its_links_and_paths() {
    let text = "[a](../README.md#top) [b](gone.md) [c](https://x.example/y.md) `src/lib.rs` `src/gone.rs`\n\
                `docs/` `docs/gone/` `tests/capi/NAME.c` `tests/gone/*.c` `a/b` `application/json` `v1.5/x` `lib/x.so`\n\
                ```\n`src/block.rs`\n```\n`ERRORS.md` `src/{lib,main}.rs`\n";
    let docs = workspace::root().join("docs");
    let expected = ["gone.md", "src/gone.rs", "docs/gone/", "tests/gone/*.c"];
    assert_eq!(missing(text, &docs), expected);
}
