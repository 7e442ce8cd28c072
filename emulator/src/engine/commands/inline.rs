//! `.ingest inline`: CSV in the command itself, for trying things by hand.

use super::super::error::KustoError;
use super::super::kql::parser::Parsed;
use super::super::kql::relation::Relation;
use super::super::table::Row;
use super::super::value::Value;
use super::Target;
use super::command::Properties;
use super::rows::table;

impl Target<'_> {
    pub(super) fn ingest_inline(
        &self,
        name: &str,
        properties: &Properties,
        data: &str,
    ) -> Parsed<Relation> {
        for (property, value) in properties {
            if property != "format" || value.to_text() != "csv" {
                return Err(KustoError::bad_request(format!(
                    "'{property}' is not supported by inline ingestion."
                )));
            }
        }
        let schema = self.engine.table_schema(self.database, name)?;
        let typed = |(line, fields): (usize, Vec<String>)| -> Parsed<Row> {
            if fields.len() > schema.columns.len() {
                let message = format!(
                    "Record {} has more fields than table '{name}' has columns.",
                    line + 1
                );
                return Err(KustoError::bad_request(message));
            }
            let values = schema.columns.iter().enumerate().map(|(at, column)| {
                let field = fields.get(at).map_or("", String::as_str);
                // Like queued ingestion: what does not convert is null.
                match Value::from_text(column.ty, field) {
                    Err(error) if error.is_limit => Err(KustoError::bad_request(format!(
                        "Record {}: {error}.",
                        line + 1
                    ))),
                    other => Ok(other.unwrap_or(Value::absent(column.ty))),
                }
            });
            values.collect()
        };
        let rows = records(data)?
            .into_iter()
            .enumerate()
            .map(typed)
            .collect::<Parsed<Vec<_>>>()?;
        let extent = self
            .engine
            .ingest(self.database, &schema, rows, &[], None)?;
        // The one column of <https://learn.microsoft.com/kusto/management/data-ingestion/ingest-inline>.
        Ok(table("ExtentId: guid", vec![vec![Value::Guid(extent)]]))
    }
}

/// Records of CSV text; empty lines are none.
fn records(data: &str) -> Parsed<Vec<Vec<String>>> {
    let mut records = Vec::new();
    let (mut record, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = data
        .trim_start_matches([' ', '\t', '\r', '\n'])
        .chars()
        .peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.next_if_eq(&'"').is_some() => field.push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => record.push(std::mem::take(&mut field)),
            '\n' if !quoted => finish(&mut records, &mut record, &mut field),
            '\r' if !quoted && chars.peek() == Some(&'\n') => {}
            other => field.push(other),
        }
    }
    if quoted {
        return Err(KustoError::bad_request(
            "A quote of the inline data is not closed.",
        ));
    }
    finish(&mut records, &mut record, &mut field);
    Ok(records)
}

fn finish(records: &mut Vec<Vec<String>>, record: &mut Vec<String>, field: &mut String) {
    if record.is_empty() && field.trim().is_empty() {
        field.clear();
        return;
    }
    record.push(std::mem::take(field));
    records.push(std::mem::take(record));
}

#[cfg(test)]
mod tests {
    use super::records;

    #[test]
    fn quotes_hold_commas_and_line_breaks() {
        let expected = vec![vec!["a,b", "x\"y"], vec!["", "l1\nl2"]];
        assert_eq!(
            records("\"a,b\",\"x\"\"y\"\r\n\n,\"l1\nl2\"\n"),
            Ok(expected
                .into_iter()
                .map(|r| r.into_iter().map(str::to_owned).collect())
                .collect())
        );
        assert_eq!(records(" \n"), Ok(Vec::new()));
        assert!(records("\"open").is_err());
    }
}
