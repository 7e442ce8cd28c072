//! The least schema that admits all values of `buildschema`, in the form that its page shows.

use serde_json::{Map, Value as Json};

use super::super::super::value::Value;
use super::super::super::watch::goes_on;

/// The key under which an array's elements stand.
const INDEXER: &str = "`indexer`";

/// What was seen at one place. Nulls are admitted everywhere.
#[derive(Default)]
pub(super) struct Schema {
    /// Names of scalar types, in alphabetical order.
    scalars: Vec<&'static str>,
    /// Of property bags, and under [`INDEXER`] of arrays.
    members: Vec<(String, Schema)>,
    /// Whether there was a bag or an array, if only an empty one.
    is_container: bool,
}

impl Schema {
    pub(super) fn admit_value(&mut self, value: &Value) {
        if let Value::Dynamic(json) = value {
            self.admit(json);
        }
    }

    fn admit(&mut self, json: &Json) {
        match json {
            Json::Null => {}
            Json::Bool(_) => self.scalar("bool"),
            Json::Number(number) if number.is_f64() => self.scalar("double"),
            Json::Number(_) => self.scalar("long"),
            Json::String(_) => self.scalar("string"),
            Json::Array(elements) => {
                self.is_container = true;
                elements
                    .iter()
                    .for_each(|element| self.member(INDEXER).admit(element));
            }
            Json::Object(object) => {
                self.is_container = true;
                object
                    .iter()
                    .for_each(|(name, value)| self.member(name).admit(value));
            }
        }
    }

    fn scalar(&mut self, name: &'static str) {
        if let Err(place) = self.scalars.binary_search(&name) {
            self.scalars.insert(place, name);
        }
    }

    fn member(&mut self, name: &str) -> &mut Self {
        let known = |(known, _): &(String, Self)| known == name || !goes_on();
        let place = self.members.iter().position(known);
        let place = place.unwrap_or_else(|| {
            self.members.push((name.to_owned(), Self::default()));
            self.members.len() - 1
        });
        &mut self.members[place].1
    }

    /// One type as itself, several as an array of them.
    pub(super) fn to_json(&self) -> Json {
        let mut types: Vec<Json> = self.scalars.iter().map(|name| Json::from(*name)).collect();
        if self.is_container {
            let members = self.members.iter();
            let members = members.map(|(name, schema)| (name.clone(), schema.to_json()));
            types.push(Json::Object(members.collect::<Map<_, _>>()));
        }
        match types.len() {
            1 => types.remove(0),
            0 => Json::Null,
            _ => types.into(),
        }
    }
}
