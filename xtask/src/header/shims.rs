//! Go's shims beside the header. C converts numbers silently, also those that it passes to what cgo exports, so
//! the compiler accepts a shim whose types differ from those of the function that it calls. Calls in Go need no
//! such check: to Go, `C.int32_t` and `C.int64_t` are different types.

use std::path::PathBuf;

use super::declarations::{Base, Declarations, Function, Parameter, Type, declarations};
use crate::workspace;

fn module() -> PathBuf {
    workspace::root().join("bindings/go")
}

/// The C and Go text of the binding, as far as it stands between the two.
#[derive(Clone)]
struct Binding {
    declarations: String,
    definitions: String,
    go: String,
}

impl Binding {
    fn read() -> Result<Binding, String> {
        let mut go = String::new();
        for file in workspace::files(&module(), "go") {
            go += &workspace::read(&file)?;
        }
        Ok(Binding {
            declarations: workspace::read(&module().join("shim.h"))?,
            definitions: workspace::read(&module().join("shim.c"))?,
            go,
        })
    }
}

/// Whether every shim takes what the function of its name takes, and every callback what the library passes.
pub(super) fn agree(header: &str) -> Result<(), String> {
    compare(header, &Binding::read()?)
}

fn compare(header: &str, binding: &Binding) -> Result<(), String> {
    let header = declarations(header)?;
    let declared = header.functions_of(&binding.declarations)?;
    let defined = header.functions_of(&binding.definitions)?;
    if declared.is_empty() {
        return Err("no shim is declared".into());
    }
    let mut wrong = Vec::new();
    for shim in &declared {
        wrong.extend(forwards(&header, shim, &defined).err());
    }
    for callback in defined.iter().filter(|it| it.name.starts_with("on_")) {
        wrong.extend(calls_back(&header, callback, &binding.go).err());
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(wrong.join("\n    ")),
    }
}

/// `shim_x` has the parameters of `kusto_x`, but for a handle of Go's in place of callbacks and their user data,
/// and passes them on under their names.
fn forwards(header: &Declarations, shim: &Function, defined: &[Function]) -> Result<(), String> {
    let name = shim.name.replacen("shim_", "kusto_", 1);
    let mut functions = header.functions.iter();
    let called = functions.find(|function| function.name == name);
    let called = called.ok_or_else(|| format!("{}: there is no {name}", shim.name))?;
    let taken: Vec<String> = shim.parameters.iter().map(Parameter::to_string).collect();
    let wanted: Vec<String> = called.parameters.iter().filter_map(shimmed).collect();
    if taken != wanted || shim.result != called.result {
        return Err(differs(shim, &taken, called, &wanted));
    }
    let passed: Vec<String> = called.parameters.iter().map(passed).collect();
    let call = format!("return {name} ( {} ) ;", passed.join(" , "));
    match defined.iter().find(|it| it.name == shim.name) {
        Some(definition) if definition.body.join(" ").contains(&call) => Ok(()),
        _ => Err(format!("{} lacks `{call}`", shim.name)),
    }
}

/// How a shim declares a parameter of the function that it calls.
fn shimmed(parameter: &Parameter) -> Option<String> {
    match (&parameter.kind.base, parameter.kind.pointers) {
        (Base::Callback(_), _) => None,
        (Base::Void, 1) => Some("uintptr_t user".to_owned()),
        _ => Some(parameter.to_string()),
    }
}

/// How a callback declares a parameter.
fn received(parameter: &Parameter) -> String {
    match (&parameter.kind.base, parameter.kind.pointers) {
        (Base::Void, 1) => "void *user".to_owned(),
        _ => parameter.to_string(),
    }
}

fn differs(is: &Function, parameters: &[String], of: &Function, wanted: &[String]) -> String {
    format!(
        "{} is {}({}), which should be {}({})",
        is.name,
        is.result,
        parameters.join(", "),
        of.result,
        wanted.join(", ")
    )
}

/// What a shim passes as this parameter.
fn passed(parameter: &Parameter) -> String {
    match (&parameter.kind.base, parameter.kind.pointers) {
        (Base::Callback(name), _) => callback(name),
        (Base::Void, 1) => "( void * ) user".to_owned(),
        _ => parameter.name.clone(),
    }
}

/// The function that is passed for a callback: `on_done` as `kusto_done_fn`.
fn callback(kind: &str) -> String {
    let name = kind.trim_start_matches("kusto_").trim_end_matches("_fn");
    format!("on_{name}")
}

/// `on_x` has the parameters of `kusto_x_fn`, and what it gives to Go has their types there, too.
fn calls_back(header: &Declarations, on: &Function, go: &str) -> Result<(), String> {
    let mut callbacks = header.callbacks.iter();
    let wanted = callbacks.find(|wanted| callback(&wanted.name) == on.name);
    let wanted = wanted.ok_or_else(|| format!("{} is no callback of the header", on.name))?;
    let taken: Vec<String> = on.parameters.iter().map(Parameter::to_string).collect();
    let passed: Vec<String> = wanted.parameters.iter().map(received).collect();
    if taken != passed || on.result != wanted.result {
        return Err(differs(on, &taken, wanted, &passed));
    }
    let exported = on.body.iter().find(|word| word.starts_with("goKusto"));
    let exported = exported.ok_or_else(|| format!("{} calls nothing in Go", on.name))?;
    let given = given(on, exported)?;
    let in_go = in_go(go, exported).ok_or_else(|| format!("Go does not define {exported}"))?;
    match given == in_go {
        true => Ok(()),
        false => Err(format!(
            "{exported} takes ({}), but {} passes ({})",
            in_go.join(", "),
            on.name,
            given.join(", ")
        )),
    }
}

/// Types of what is given to an exported function, as Go writes them. All arguments are parameters.
fn given(on: &Function, exported: &str) -> Result<Vec<String>, String> {
    let code = on.body.join(" ");
    let arguments = code
        .split_once(&format!("{exported} ( "))
        .and_then(|(_, rest)| rest.split_once(" ) ;"))
        .map(|(arguments, _)| arguments)
        .ok_or_else(|| format!("{} does not call {exported}", on.name))?;
    let kind = |argument: &str| {
        let name = argument.rsplit(' ').next().unwrap_or_default();
        let mut parameters = on.parameters.iter();
        let parameter = parameters.find(|parameter| parameter.name == name);
        let parameter = parameter.ok_or_else(|| format!("{} does not take {name}", on.name))?;
        Ok(go_type(&parameter.kind))
    };
    arguments.split(" , ").map(kind).collect()
}

fn go_type(kind: &Type) -> String {
    let plain = Type {
        constant: false,
        pointers: 0,
        ..kind.clone()
    };
    match kind.base {
        Base::Void => "C.uintptr_t".to_owned(),
        _ => format!("{}C.{plain}", "*".repeat(kind.pointers)),
    }
}

/// Types of the parameters of a Go function; those of one type may share it.
fn in_go(go: &str, function: &str) -> Option<Vec<String>> {
    let (_, rest) = go.split_once(&format!("func {function}("))?;
    let (parameters, _) = rest.split_once(')')?;
    let mut types = Vec::new();
    let mut following = None;
    for parameter in parameters.rsplit(", ") {
        following = match parameter.split_once(' ') {
            Some((_, kind)) => Some(kind),
            None => following,
        };
        types.push(following?.to_owned());
    }
    types.reverse();
    Some(types)
}

#[cfg(test)]
mod tests {
    use super::super::mutations::{changed, code, mutations};
    use super::*;

    #[test]
    fn every_change_of_a_function_is_found_in_its_shim() {
        let header = code(&super::super::committed().unwrap());
        let binding = Binding::read().unwrap();
        assert_eq!(compare(&header, &binding), Ok(()));
        let found = declarations(&header).unwrap();
        let shims = found.functions_of(&binding.declarations).unwrap();
        let shimmed = |it: &&Function| {
            let name = it.name.replacen("kusto_", "shim_", 1);
            shims.iter().any(|shim| shim.name == name)
        };
        let used = |it: &&Function| binding.definitions.contains(&callback(&it.name));
        let functions = found.functions.iter().filter(shimmed);
        let callbacks = found.callbacks.iter().filter(used);
        for (function, name) in functions
            .map(|it| (it, it.name.replacen("kusto_", "", 1)))
            .chain(callbacks.map(|it| (it, callback(&it.name))))
        {
            for (what, mutation) in mutations(function) {
                let told = compare(&changed(&header, function, &mutation), &binding);
                let told = told.expect_err(&format!("{what} of {name}"));
                assert!(told.contains(&name), "{what} of {name}: {told}");
            }
        }
    }

    #[test]
    fn a_shim_that_does_anything_else_is_found() {
        let header = code(&super::super::committed().unwrap());
        let binding = Binding::read().unwrap();
        let told = |edit: &dyn Fn(&mut Binding)| {
            let mut edited = binding.clone();
            edit(&mut edited);
            compare(&header, &edited).unwrap_err()
        };
        let replaced = |text: &mut String, old: &str, new: &str| {
            assert!(text.contains(old), "{old}");
            *text = text.replace(old, new);
        };
        for (wrong, edit) in [
            (
                "shim_log_set is int32_t(int64_t max_level,",
                &(|it: &mut Binding| {
                    replaced(
                        &mut it.declarations,
                        "int32_t max_level",
                        "int64_t max_level",
                    );
                }) as &dyn Fn(&mut Binding),
            ),
            ("shim_a: there is no kusto_a", &|it| {
                replaced(
                    &mut it.declarations,
                    "#endif\n\n/* shim_x",
                    "#endif\nvoid shim_a(void);\n/* shim_x",
                );
            }),
            ("shim_track_until_final_start lacks", &|it| {
                replaced(
                    &mut it.definitions,
                    "poll_ms, timeout_ms,",
                    "timeout_ms, poll_ms,",
                );
            }),
            ("on_log is void(void *user, int64_t level,", &|it| {
                replaced(
                    &mut it.definitions,
                    "*user, int32_t level",
                    "*user, int64_t level",
                );
            }),
            (
                "goKustoProgress takes (C.uintptr_t, C.uint32_t, C.uint32_t, C.uint32_t)",
                &|it| {
                    replaced(
                        &mut it.go,
                        "sent, total C.uint64_t",
                        "sent, total C.uint32_t",
                    );
                },
            ),
            ("Go does not define goKustoToken", &|it| {
                replaced(&mut it.go, "func goKustoToken", "func goKustoTokens");
            }),
        ] {
            let told = told(edit);
            assert!(told.contains(wrong), "{wrong}: {told}");
        }
    }
}
