//! The `render` operator: rows stay as they are, the client is asked to draw them.

use serde_json::{Map, Value as Json};

use super::super::super::value::Value;
use super::super::lexer::TokenKind;
use super::super::parser::{Parsed, Parser};

/// How a result is to be drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Render {
    visualization: String,
    /// Property (`title`) and its text.
    properties: Vec<(String, String)>,
}

/// The kinds of drawings.
const VISUALIZATIONS: [&str; 18] = [
    "anomalychart",
    "areachart",
    "barchart",
    "card",
    "columnchart",
    "graph",
    "ladderchart",
    "linechart",
    "piechart",
    "pivotchart",
    "plotly",
    "scatterchart",
    "stackedareachart",
    "table",
    "timechart",
    "timepivot",
    "treemap",
    "map",
];

/// Each property, and the member of the answer it goes to.
const PROPERTIES: [(&str, &str); 16] = [
    ("accumulate", "Accumulate"),
    ("anomalycolumns", "AnomalyColumns"),
    ("kind", "Kind"),
    ("legend", "Legend"),
    ("series", "Series"),
    ("title", "Title"),
    ("xaxis", "XAxis"),
    ("xcolumn", "XColumn"),
    ("xtitle", "XTitle"),
    ("yaxis", "YAxis"),
    ("ycolumns", "YColumns"),
    ("ymax", "Ymax"),
    ("ymin", "Ymin"),
    ("ysplit", "YSplit"),
    ("ytitle", "YTitle"),
    ("by", "By"),
];

impl Parser<'_> {
    pub(in super::super) fn render(&mut self) -> Parsed<Render> {
        let start = self.clone();
        let visualization = self.name("a visualization")?;
        if !VISUALIZATIONS.contains(&visualization.as_str()) {
            return Err(start.error(format!("'{visualization}' is no visualization")));
        }
        let mut properties = Vec::new();
        while matches!(self.peek(), TokenKind::Word(word) if word != "with") {
            properties.push(self.property()?);
        }
        if self.eat_word("with") {
            self.expect("(")?;
            properties.extend(self.list(Self::property)?);
            self.expect(")")?;
        }
        Ok(Render {
            visualization,
            properties,
        })
    }

    fn property(&mut self) -> Parsed<(String, String)> {
        let start = self.clone();
        let name = self.name("a property")?;
        let Some((known, _)) = PROPERTIES.iter().find(|(known, _)| *known == name) else {
            return Err(start.error(format!("'{name}' is no property of render")));
        };
        self.expect("=")?;
        let mut values = Vec::new();
        loop {
            values.push(self.property_value()?);
            let mut ahead = self.clone();
            // Further columns of a list; a name with `=` behind it is the next property.
            let more = known.ends_with("columns") || *known == "series";
            if !more || !ahead.eat(",") || ahead.name("a column").is_err() || ahead.eat("=") {
                break;
            }
            self.advance();
        }
        Ok(((*known).to_owned(), values.join(",")))
    }

    fn property_value(&mut self) -> Parsed<String> {
        match self.peek() {
            TokenKind::Word(_) | TokenKind::Symbol("[") => self.name("a value"),
            _ => Ok(match self.constant()? {
                Value::String(text) => text,
                other => other.to_text(),
            }),
        }
    }
}

impl Render {
    /// The members of the answer's visualization that it sets.
    pub fn members(&self) -> Map<String, Json> {
        let mut members = Map::new();
        members.insert(
            "Visualization".to_owned(),
            self.visualization.clone().into(),
        );
        for (name, value) in &self.properties {
            let Some((_, member)) = PROPERTIES.iter().find(|(known, _)| known == name) else {
                continue;
            };
            let value = match *member {
                "Accumulate" => Json::Bool(value == "true"),
                "YColumns" | "Series" | "AnomalyColumns" => value
                    .split(',')
                    .map(|name| Json::from(name.trim()))
                    .collect(),
                _ => Json::from(value.as_str()),
            };
            members.insert((*member).to_owned(), value);
        }
        members
    }
}
