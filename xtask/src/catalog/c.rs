//! The constants of the C layer, from which the C header is generated in turn.

use std::fmt::Write as _;

use super::lists::{CForm, Language, List};
use super::rust::{comment, formatted};
use super::{Catalog, ORIGIN, Output, regions};

/// The file of constants, and the list of settings at `kusto_config_set`.
pub(super) fn write(catalog: &Catalog) -> Result<Vec<Output>, String> {
    let mut text = format!(
        "//! {ORIGIN}\n//!\n//! The lists of the C API. Their numbers are those of the core's enums.\n\n\
         use std::ffi::{{CStr, c_char}};\n\nuse kusto_ingest::error::ErrorKind;\n\n"
    );
    for list in &catalog.lists {
        if let Some(form) = &list.c {
            text.push_str(&match &form.name {
                Some(name) => type_of(list, form, name)?,
                None => constants(list, form)?,
            });
        }
    }
    let config = "capi/src/config.rs";
    let settings = catalog.settings.bullets("/// ").replace('`', "\"");
    Ok(vec![
        Output::new("capi/src/catalog.rs", formatted(&text)?),
        Output::new(config, regions::replace(config, "settings", &settings)?),
    ])
}

fn type_of(list: &List, form: &CForm, name: &str) -> Result<String, String> {
    let mut text = comment("", &list.documentation());
    _ = writeln!(
        text,
        "#[derive(Clone, Copy, Debug, PartialEq, Eq)]\n#[repr(i32)]\npub enum {name} {{"
    );
    for item in list.items(Language::C) {
        text.push_str(&comment("    ", &item.text));
        _ = writeln!(text, "    {} = {},", item.constant(form), item.value()?);
    }
    let count = list.items(Language::C).count();
    _ = write!(
        text,
        "}}\n\n/// Every value, in the order of its number.\npub(crate) static ALL: [{name}; {count}] = [\n"
    );
    for item in list.items(Language::C) {
        _ = writeln!(text, "    {name}::{},", item.constant(form));
    }
    _ = write!(
        text,
        "];\n\nimpl From<ErrorKind> for {name} {{\n    fn from(kind: ErrorKind) -> Self {{\n        match kind {{\n"
    );
    for item in list.items(Language::Rust) {
        _ = writeln!(
            text,
            "            ErrorKind::{} => {name}::{},",
            item.rust(),
            item.constant(form)
        );
    }
    // The enum of the crate is open; both are made of the same list.
    _ = writeln!(text, "            _ => {name}::{}INTERNAL,", form.prefix);
    text.push_str("        }\n    }\n}\n\n");
    _ = write!(
        text,
        "impl {name} {{\n    /// The name without prefix.\n    \
         pub(crate) fn name(self) -> &'static CStr {{\n        match self {{\n"
    );
    for item in list.items(Language::C) {
        _ = writeln!(
            text,
            "            {name}::{} => c{:?},",
            item.constant(form),
            list.text_of(item, "name")?
        );
    }
    text.push_str("        }\n    }\n}\n\n");
    Ok(text)
}

fn constants(list: &List, form: &CForm) -> Result<String, String> {
    let mut text = String::new();
    let subject = form.subject.as_deref().unwrap_or_default();
    for item in list.items(Language::C) {
        text.push_str(&comment("", &format!("{subject}: {}", item.text)));
        _ = writeln!(
            text,
            "pub const {}: i32 = {};\n",
            item.constant(form),
            item.value()?
        );
    }
    let function = form.names.as_deref();
    let function = function.ok_or_else(|| format!("{}: has no function for its names", list.id))?;
    text.push_str(&names(list, form, function)?);
    Ok(text)
}

/// The function that gives the name of a value.
fn names(list: &List, form: &CForm, function: &str) -> Result<String, String> {
    let name = |constant: &str| constant.replacen(&form.prefix, "", 1).to_lowercase();
    let mut first = None;
    let mut arms = String::new();
    for item in list.items(Language::C) {
        let name = name(&item.constant(form));
        _ = writeln!(arms, "        {} => c{name:?},", item.constant(form));
        first.get_or_insert(name);
    }
    let about = format!(
        "The name of a {}* value for messages and logs, such as \"{}\": the constant without its \
         prefix, in small letters; \"unknown\" for a number that is none of them.",
        form.prefix,
        first.ok_or_else(|| format!("{}: has no items", list.id))?,
    );
    Ok(format!(
        "{}///\n/// Ownership: the text is static.\n/// Threads: any.\n/// Failure: none; never NULL.\n\
         /// Since: 0.1\n#[unsafe(no_mangle)]\npub extern \"C\" fn {function}(value: i32) -> *const c_char {{\n    \
         let name = match value {{\n{arms}        _ => c\"unknown\",\n    }};\n    name.as_ptr()\n}}\n\n",
        comment("", &about)
    ))
}
