//! The lists and flags of the Node package: their objects and their types.

use std::fmt::Write as _;

use super::lists::{Form, Item, Language, List};
use super::{Catalog, ORIGIN, Output};

/// The two files of the package.
pub(super) fn write(catalog: &Catalog) -> Result<Vec<Output>, String> {
    let mut script = format!("\"use strict\";\n\n// {ORIGIN}\n");
    let mut types = format!("// {ORIGIN}\n");
    let mut names = Vec::new();
    for list in &catalog.lists {
        if let Some(form) = &list.node {
            _ = write!(script, "\n{}", object(list, form)?);
            _ = write!(types, "\n{}", declaration(list, form)?);
            names.push(form.name.clone());
        }
    }
    _ = write!(script, "\n{}", catalog.properties.node_script());
    _ = write!(types, "\n{}", catalog.properties.node_types());
    _ = write!(
        types,
        "\n/**\n * Settings of a client by name; any keyword of the connection string is one too.\n{} */\n\
         export type ClientSettings = Record<string, string | number>;\n",
        catalog.settings.bullets(" * ")
    );
    names.push("FLAGS".into());
    names.sort();
    script.push_str("\nmodule.exports = {\n");
    for name in names {
        _ = writeln!(script, "    {name},");
    }
    script.push_str("};\n");
    Ok(vec![
        Output::new("bindings/node/lib/catalog.js", script),
        Output::new("bindings/node/catalog.d.ts", types),
    ])
}

fn object(list: &List, form: &Form) -> Result<String, String> {
    let mut text = format!(
        "/** {} */\nconst {} = Object.freeze({{\n",
        list.documentation(),
        form.name
    );
    for item in list.items(Language::Node) {
        let name = item.name(Language::Node, &form.prefix, form.style);
        _ = writeln!(text, "    {name}: {},", value(list, item, form)?);
    }
    text.push_str("});\n");
    Ok(text)
}

fn declaration(list: &List, form: &Form) -> Result<String, String> {
    let name = &form.name;
    let mut text = format!(
        "/** {} */\nexport declare const {name}: {{\n",
        list.documentation()
    );
    for item in list.items(Language::Node) {
        let item_name = item.name(Language::Node, &form.prefix, form.style);
        _ = writeln!(
            text,
            "    /** {} */\n    readonly {item_name}: {};",
            item.text,
            value(list, item, form)?
        );
    }
    _ = write!(
        text,
        "}};\nexport type {name} = (typeof {name})[keyof typeof {name}];\n"
    );
    Ok(text)
}

/// As a literal of both languages.
fn value(list: &List, item: &Item, form: &Form) -> Result<String, String> {
    if let Some(own) = item.own("node_value") {
        return Ok(format!("{own:?}"));
    }
    match form.value.as_str() {
        "number" => Ok(item.value()?.to_string()),
        column => Ok(format!("{:?}", list.text_of(item, column)?)),
    }
}
