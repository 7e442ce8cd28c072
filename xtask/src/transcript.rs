//! The output of the examples, compared between languages.

/// Whether two runs of the same examples printed the same, except for values that differ in every
/// run.
pub(crate) fn same(one: &str, other: &str) -> Result<(), String> {
    let (one, other) = (lines(one), lines(other));
    let differing = one.iter().zip(&other).find(|(one, other)| one != other);
    match differing {
        Some((one, other)) => Err(format!("{other:?} instead of {one:?}")),
        None if one.len() != other.len() => {
            Err(format!("{} lines instead of {}", other.len(), one.len()))
        }
        None => Ok(()),
    }
}

/// The lines without progress, which depends on how fast the machine is, and with ids, ports, the
/// container's number, sizes after compression and seconds replaced.
fn lines(transcript: &str) -> Vec<String> {
    transcript
        .lines()
        .filter(|line| !line.starts_with("read "))
        .map(masked)
        .collect()
}

fn masked(line: &str) -> String {
    let line = replaced(line, is_uuid_part, |run| run.len() == 36, "ID");
    [
        "127.0.0.1:",
        "/kustoemu",
        "/ingestdata-",
        "Succeeded after ",
        " bytes (",
    ]
    .iter()
    .fold(line, |line, before| without_number_after(&line, before))
}

fn is_uuid_part(character: char) -> bool {
    character.is_ascii_hexdigit() || character == '-'
}

/// Replaces the longest runs of the requested characters.
fn replaced(line: &str, part: fn(char) -> bool, wanted: fn(&str) -> bool, by: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|next| part(next) != part(first));
        let (run, after) = rest.split_at(end.unwrap_or(rest.len()));
        text += if part(first) && wanted(run) { by } else { run };
        rest = after;
    }
    text
}

fn without_number_after(line: &str, before: &str) -> String {
    match line.split_once(before) {
        Some((start, rest)) => {
            let rest = rest.trim_start_matches(|next: char| next.is_ascii_digit());
            format!("{start}{before}N{rest}")
        }
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "queued http://127.0.0.1:43343/x/y.csv as 5b0acf6c-6215-4944-ab26-a2be368911d0\n\
                       Succeeded after 1 s\nread 7 of 9 bytes, sent 0\nqueued 9 bytes (5 sent) as it\n";

    #[test]
    fn ids_ports_progress_and_seconds_may_differ() {
        let other = "queued http://127.0.0.1:1/x/y.csv as 00000000-6215-4944-ab26-a2be368911d0\n\
                     Succeeded after 12 s\nqueued 9 bytes (6 sent) as it\n";
        assert_eq!(same(ONE, other), Ok(()));
    }

    #[test]
    fn anything_else_may_not() {
        for (text, changed) in [("y.csv", "z.csv"), ("queued 9", "queued 8"), (" s\n", "\n")] {
            assert!(same(ONE, &ONE.replace(text, changed)).is_err(), "{text}");
        }
        assert!(same(ONE, &format!("{ONE}more\n")).is_err());
    }
}
