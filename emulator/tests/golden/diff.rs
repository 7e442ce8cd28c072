//! What differs between two answers.

/// The lines of both: those only expected after `-`, those only obtained after `+`.
pub(crate) fn lines(expected: &[String], actual: &[String]) -> String {
    let same = |pairs: &mut dyn Iterator<Item = (&String, &String)>| {
        pairs
            .take_while(|(expected, actual)| expected == actual)
            .count()
    };
    let head = same(&mut expected.iter().zip(actual));
    let (expected_rest, actual_rest) = (&expected[head..], &actual[head..]);
    let tail = same(&mut expected_rest.iter().rev().zip(actual_rest.iter().rev()));
    let marked = |mark: &'static str, lines: &[String]| -> Vec<String> {
        lines.iter().map(|line| format!("{mark} {line}")).collect()
    };
    [
        marked(" ", &expected[..head]),
        marked("-", &expected_rest[..expected_rest.len() - tail]),
        marked("+", &actual_rest[..actual_rest.len() - tail]),
        marked(" ", &expected_rest[expected_rest.len() - tail..]),
    ]
    .concat()
    .join("\n")
}

#[test]
fn only_what_differs_is_marked() {
    let lines_of = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(
        lines(&lines_of("a b c d"), &lines_of("a x y d")),
        "  a\n- b\n- c\n+ x\n+ y\n  d"
    );
    assert_eq!(lines(&lines_of("a a"), &lines_of("a a a")), "  a\n  a\n+ a");
}
