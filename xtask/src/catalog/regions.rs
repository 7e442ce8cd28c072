//! Generated regions of files that are otherwise written by hand.

use crate::workspace;

/// The text of a file with the lines between `<generated: name>` and `</generated>` replaced. The two
/// lines that hold these markers stay.
pub(super) fn replace(path: &str, name: &str, lines: &str) -> Result<String, String> {
    replaced(
        &workspace::read(&workspace::root().join(path))?,
        name,
        lines,
    )
    .ok_or_else(|| format!("{path}: has no region <generated: {name}> with its </generated>"))
}

/// As [`replace`], in a text.
pub(super) fn replaced(text: &str, name: &str, lines: &str) -> Option<String> {
    let start = text.find(&format!("<generated: {name}>"))?;
    let start = start + text[start..].find('\n')? + 1;
    let end = start + text[start..].find("</generated>")?;
    let end = text[..end].rfind('\n')? + 1;
    Some(format!("{}{lines}{}", &text[..start], &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let text = "a\n// <generated: x>\nold\nold\n// </generated>\nb\n// <generated: y>\n// </generated>\n";
        assert_eq!(
            replaced(text, "x", "new\n").unwrap(),
            "a\n// <generated: x>\nnew\n// </generated>\nb\n// <generated: y>\n// </generated>\n"
        );
        assert!(
            replaced(text, "y", "new\n")
                .unwrap()
                .ends_with("y>\nnew\n// </generated>\n")
        );
        assert_eq!(replaced(text, "z", "new\n"), None);
        assert_eq!(replaced("// <generated: x>\n", "x", ""), None);
    }
}
