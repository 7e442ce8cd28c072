//! The known name that a wrong one was probably meant to be.

/// The known name that differs least from `wrong`, if it differs little; case does not count.
pub(crate) fn nearest<'a>(
    wrong: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let wrong = plain(wrong);
    let most = (wrong.len() / 3).clamp(1, 4);
    known
        .into_iter()
        .map(|name| (distance(&wrong, &plain(name)), name))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// The end of a sentence about a wrong name: `: did you mean 'Events'?`, or nothing.
pub(crate) fn did_you_mean<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(wrong, known).map_or_else(String::new, |name| format!(": did you mean '{name}'?"))
}

fn plain(name: &str) -> Vec<char> {
    name.trim().chars().flat_map(char::to_lowercase).collect()
}

/// How many characters must be put in, left out, changed or exchanged with their neighbours.
fn distance(one: &[char], other: &[char]) -> usize {
    let width = other.len() + 1;
    let mut before_last = vec![0; width];
    let mut last: Vec<usize> = (0..width).collect();
    for (row, a) in one.iter().enumerate() {
        let mut next = vec![row + 1; width];
        for (column, b) in other.iter().enumerate() {
            let changed = last[column] + usize::from(a != b);
            next[column + 1] = changed.min(last[column + 1] + 1).min(next[column] + 1);
            let exchanged = row > 0 && column > 0 && *a == other[column - 1] && one[row - 1] == *b;
            if exchanged {
                next[column + 1] = next[column + 1].min(before_last[column - 1] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, next);
    }
    last[width - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_seen_and_other_names_are_not() {
        let known = ["Events", "StormEvents", "Samples"];
        for (wrong, right) in [
            ("Evnts", Some("Events")),
            ("events", Some("Events")),
            ("Eventss", Some("Events")),
            ("Evetns", Some("Events")),
            ("stormevent", Some("StormEvents")),
            ("Simples", Some("Samples")),
            ("Orders", None),
            ("", None),
            ("E", None),
        ] {
            assert_eq!(nearest(wrong, known), right, "{wrong}");
        }
        assert_eq!(
            nearest("ingestifnotexist", ["ingestIfNotExists"]),
            Some("ingestIfNotExists")
        );
        assert_eq!(did_you_mean("Evnts", known), ": did you mean 'Events'?");
        assert_eq!(did_you_mean("Orders", known), "");
    }

    #[test]
    fn an_exchange_is_one_slip() {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        for (one, other, expected) in [("ab", "ba", 1), ("", "abc", 3), ("kitten", "sitting", 3)] {
            assert_eq!(distance(&chars(one), &chars(other)), expected);
        }
    }
}
