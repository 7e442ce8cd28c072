//! Tables in Markdown that are readable as text too.

/// The header, a rule and the rows. The first column is left-aligned, the others right-aligned.
pub(crate) fn markdown<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells
            .chain([head[column].chars().count(), 4])
            .max()
            .unwrap_or(0)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = line(head.map(str::to_owned), &widths);
    let rule = std::array::from_fn::<String, N, _>(|column| match column {
        0 => "-".repeat(widths[0]),
        _ => format!("{}:", "-".repeat(widths[column] - 1)),
    });
    text += &line(rule, &widths);
    for row in rows {
        text += &line(row.clone(), &widths);
    }
    text
}

fn line<const N: usize>(cells: [String; N], widths: &[usize; N]) -> String {
    let mut text = String::from("|");
    for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
        text += &match column {
            0 => format!(" {cell:<width$} |"),
            _ => format!(" {cell:>width$} |"),
        };
    }
    text.push('\n');
    text
}

/// A figure, or `-` where there is none.
pub(crate) fn figure(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.decimals$}"))
}

/// A count, or `-` where there is none.
pub(crate) fn count(value: Option<f64>) -> String {
    figure(value, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [
            ["gzip -1".into(), figure(Some(0.4321), 2)],
            ["a much longer name".into(), figure(None, 2)],
        ];
        assert_eq!(
            markdown(["client", "wall s"], &rows),
            "| client             | wall s |\n\
             | ------------------ | -----: |\n\
             | gzip -1            |   0.43 |\n\
             | a much longer name |      - |\n"
        );
        assert_eq!(count(Some(12.0)), "12");
    }
}
