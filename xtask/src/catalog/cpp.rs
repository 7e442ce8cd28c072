//! The enums of the C++ header.

use std::fmt::Write as _;

use super::lists::{Language, List, Style};
use super::{Catalog, Output, regions};

/// The header with its lists.
pub(super) fn write(catalog: &Catalog) -> Result<Vec<Output>, String> {
    let mut text = String::new();
    for list in &catalog.lists {
        text.push_str(&type_of(list));
    }
    for list in catalog.lists.iter().filter(|list| list.id == "error_code") {
        text.push_str(&sentences(list));
    }
    let path = "include/kusto_ingest.hpp";
    Ok(vec![Output::new(
        path,
        regions::replace(path, "lists", text.trim_start())?,
    )])
}

fn type_of(list: &List) -> String {
    let (Some(form), Some(c)) = (&list.cpp, &list.c) else {
        return String::new();
    };
    let mut text = String::from("\n");
    let refers = form.refers.as_ref().map(|refers| format!(" {refers}."));
    let about = format!("{}{}", list.documentation(), refers.unwrap_or_default());
    for line in super::rust::wrapped(&about, 104) {
        _ = writeln!(text, "/// {line}");
    }
    _ = writeln!(text, "enum class {} : std::int32_t {{", form.name);
    let items: Vec<_> = list.items(Language::Cpp).collect();
    for (index, item) in items.iter().enumerate() {
        let comma = if index + 1 < items.len() { "," } else { "" };
        let name = item.name(Language::Cpp, "", Style::Id);
        _ = writeln!(
            text,
            "    {name} = {}{comma} ///< {}",
            item.constant(c),
            item.text
        );
    }
    text.push_str("};\n");
    if let Some(names) = &c.names {
        text.push_str(&names_of(&form.name, names));
    }
    text
}

/// The functions that give and write the names of values.
fn names_of(name: &str, function: &str) -> String {
    format!(
        "\n/// The name of a value, in small letters; \"unknown\" for a number that is none of them. Static.\n\
         inline std::string_view name_of({name} value) noexcept {{ return {function}(static_cast<std::int32_t>(value)); }}\n\
         /// Writes the name of a value.\n\
         inline std::ostream &operator<<(std::ostream &out, {name} value) {{ return out << name_of(value); }}\n"
    )
}

/// What std::error_code says about each item.
fn sentences(list: &List) -> String {
    let Some(form) = &list.cpp else {
        return String::new();
    };
    let mut text = String::from("\n/// Not for users.\nnamespace detail {\n\n");
    _ = writeln!(
        text,
        "inline const char *about({0} code) noexcept\n{{\n    switch (code) {{",
        form.name
    );
    for item in list.items(Language::Cpp) {
        let name = item.name(Language::Cpp, "", Style::Id);
        _ = writeln!(
            text,
            "    case {}::{name}: return {:?};",
            form.name, item.text
        );
    }
    text.push_str(
        "    }\n    return \"An error of a newer version.\";\n}\n\n} // namespace detail\n",
    );
    text
}
