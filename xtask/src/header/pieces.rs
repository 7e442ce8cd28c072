//! C text cut into words, signs and comments, as far as our header and Go's shims use the language.

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A word, a number, a literal in its quotes, or one sign.
    Code(String),
    /// Its lines without the asterisks before them.
    Comment(String),
    /// A line of the preprocessor.
    Directive,
}

pub(super) fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (piece, length) = match first {
            '#' => (Piece::Directive, directive(rest)),
            '/' if rest.starts_with("/*") => {
                let length = rest.find("*/").ok_or("a comment without an end")? + 2;
                (Piece::Comment(undecorated(&rest[..length])), length)
            }
            '/' if rest.starts_with("//") => {
                let length = rest.find('\n').unwrap_or(rest.len());
                (Piece::Comment(undecorated(&rest[..length])), length)
            }
            '"' => {
                let length = rest[1..].find('"').ok_or("a literal without an end")? + 2;
                (Piece::Code(rest[..length].to_owned()), length)
            }
            _ => {
                let length = match rest.find(|next| !in_word(next)) {
                    Some(0) => first.len_utf8(),
                    Some(length) => length,
                    None => rest.len(),
                };
                (Piece::Code(rest[..length].to_owned()), length)
            }
        };
        found.push(piece);
        rest = rest[length..].trim_start();
    }
    Ok(found)
}

fn in_word(next: char) -> bool {
    next.is_ascii_alphanumeric() || next == '_'
}

/// Length of a line of the preprocessor, with the lines that continue it.
fn directive(text: &str) -> usize {
    let lines = text.split_inclusive('\n');
    let mut continued = true;
    let parts =
        lines.take_while(|line| std::mem::replace(&mut continued, line.trim_end().ends_with('\\')));
    parts.map(str::len).sum()
}

fn undecorated(comment: &str) -> String {
    let lines = comment.lines();
    lines
        .map(|line| line.trim().trim_start_matches(['/', '*', ' ']))
        .collect::<Vec<&str>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut() {
        let text = "/*\n * A b.\n */\n#define X \\\n  1\nextern \"C\" {\nconst char **a_1; // d\n#endif // \"C\"";
        let code = |text: &str| Piece::Code(text.to_owned());
        let mut expected = vec![Piece::Comment("\nA b.\n".into()), Piece::Directive];
        expected.extend(
            [
                "extern", "\"C\"", "{", "const", "char", "*", "*", "a_1", ";",
            ]
            .map(code),
        );
        expected.extend([Piece::Comment("d".into()), Piece::Directive]);
        assert_eq!(pieces(text), Ok(expected));
        assert!(pieces("int a; /* b").is_err());
    }
}
