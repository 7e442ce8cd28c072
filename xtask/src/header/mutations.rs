//! Changes of a function that no binding may miss, for the tests of what compares bindings with the header.

use super::declarations::{Base, Function, Number, Parameter, Type};

/// Other declarations of a function, each with what is changed in it.
pub(super) fn mutations(function: &Function) -> Vec<(String, Function)> {
    let mut found = vec![("the result".to_owned(), {
        let result = another(&function.result);
        Function {
            result,
            ..function.clone()
        }
    })];
    for (index, parameter) in function.parameters.iter().enumerate() {
        let mut change = |what: &str, edit: &dyn Fn(&mut Vec<Parameter>)| {
            let mut mutation = function.clone();
            edit(&mut mutation.parameters);
            found.push((format!("{what} {}", parameter.name), mutation));
        };
        change("without", &|all| drop(all.remove(index)));
        change("twice", &|all| all.insert(index, parameter.clone()));
        change("the type of", &|all| {
            all[index].kind = another(&parameter.kind)
        });
        if index > 0 {
            change("the place of", &|all| all.swap(index - 1, index));
        }
    }
    found
}

/// A type that C converts silently where it can.
fn another(kind: &Type) -> Type {
    let number = match (&kind.base, kind.pointers) {
        (Base::Number(Number::I64), 0) => Number::I32,
        _ => Number::I64,
    };
    Type {
        constant: false,
        base: Base::Number(number),
        pointers: 0,
    }
}

/// The header without its comments, which are most of it and which also name functions.
pub(super) fn code(header: &str) -> String {
    let mut parts = header.split("/*");
    let first = parts.next().unwrap_or_default();
    let rest = parts.filter_map(|part| Some(part.split_once("*/")?.1));
    std::iter::once(first).chain(rest).collect()
}

/// The header's code with another declaration of a function.
pub(super) fn changed(code: &str, function: &Function, mutation: &Function) -> String {
    let (result, name) = (&mutation.result, &function.name);
    let parameters: Vec<String> = mutation
        .parameters
        .iter()
        .map(Parameter::to_string)
        .collect();
    let parameters = match parameters.is_empty() {
        true => "void".to_owned(),
        false => parameters.join(", "),
    };
    let ways = [
        (format!(" {name}("), "KUSTO_API", format!("{result} {name}")),
        (format!("*{name}("), "KUSTO_API", format!("{result} {name}")),
        (
            format!("*{name})("),
            "typedef",
            format!("{result} (KUSTO_CALL *{name})"),
        ),
    ];
    for (text, keyword, start) in ways {
        if let Some(place) = code.find(&text) {
            let before = &code[..code[..place].rfind(keyword).unwrap_or(place)];
            let after = &code[place + code[place..].find(';').unwrap_or(0)..];
            return format!("{before}{keyword} {start}({parameters}){after}");
        }
    }
    panic!("{name} is not declared")
}
