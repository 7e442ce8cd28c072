//! What C text declares. The grammar is that of our own header, which cbindgen writes, and of Go's shims;
//! whatever else stands there is an error and never a guess.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::pieces::{Piece, pieces};

/// A number, by its C name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    I32,
    I64,
    U8,
    U32,
    U64,
    Size,
    UintPtr,
}

impl Number {
    const NAMES: [(&str, Number); 7] = [
        ("int32_t", Number::I32),
        ("int64_t", Number::I64),
        ("uint8_t", Number::U8),
        ("uint32_t", Number::U32),
        ("uint64_t", Number::U64),
        ("size_t", Number::Size),
        ("uintptr_t", Number::UintPtr),
    ];

    fn of(name: &str) -> Option<Number> {
        let known = Number::NAMES.iter().find(|(known, _)| *known == name);
        known.map(|(_, number)| *number)
    }

    pub(super) fn name(self) -> &'static str {
        let known = Number::NAMES.iter().find(|(_, number)| *number == self);
        known.map_or("", |(name, _)| name)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Base {
    Void,
    Char,
    /// Also by another name, such as `kusto_bool`.
    Number(Number),
    /// A struct whose fields nobody knows.
    Object(String),
    /// A pointer to a function.
    Callback(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Type {
    pub(super) constant: bool,
    pub(super) base: Base,
    pub(super) pointers: usize,
}

/// As C writes it.
impl fmt::Display for Type {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base = match &self.base {
            Base::Void => "void",
            Base::Char => "char",
            Base::Number(number) => number.name(),
            Base::Object(name) | Base::Callback(name) => name,
        };
        let constant = if self.constant { "const " } else { "" };
        let space = if self.pointers == 0 { "" } else { " " };
        write!(to, "{constant}{base}{space}{}", "*".repeat(self.pointers))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parameter {
    pub(super) kind: Type,
    pub(super) name: String,
}

impl fmt::Display for Parameter {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let space = if self.kind.pointers == 0 { " " } else { "" };
        write!(to, "{}{space}{}", self.kind, self.name)
    }
}

/// A function, or the type of a callback.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(super) result: Type,
    pub(super) parameters: Vec<Parameter>,
    /// The comment right before it.
    pub(super) comment: String,
    /// Its code, where it is defined.
    pub(super) body: Vec<String>,
}

/// Functions and types, in the order of the text.
#[derive(Debug, Default)]
pub(crate) struct Declarations {
    pub(crate) functions: Vec<Function>,
    pub(super) callbacks: Vec<Function>,
    objects: BTreeSet<String>,
    numbers: BTreeMap<String, Number>,
}

/// Reads our header.
pub(crate) fn declarations(header: &str) -> Result<Declarations, String> {
    let mut found = Declarations::default();
    for statement in statements(header)? {
        let code: Vec<&str> = statement.code.iter().map(String::as_str).collect();
        match code[..] {
            // Its values are not read here; its type is a number to C, which a typedef says.
            ["enum", ..] | ["typedef", "enum", ..] => {}
            ["typedef", "struct", tag, name, ";"] if tag == name => {
                found.objects.insert(name.to_owned());
            }
            ["typedef", known, name, ";"] => {
                let number = found.number(known).ok_or_else(|| unknown(name, known))?;
                found.numbers.insert(name.to_owned(), number);
            }
            ["typedef", ref rest @ ..] => {
                let callback = found.callback(rest, statement.comment)?;
                found.callbacks.push(callback);
            }
            ["KUSTO_API", ref rest @ ..] => {
                let function = found.function(rest, statement.comment)?;
                found.functions.push(function);
            }
            _ => return Err(unreadable(&code)),
        }
    }
    Ok(found)
}

impl Declarations {
    /// The functions of a C file that includes our header.
    pub(super) fn functions_of(&self, text: &str) -> Result<Vec<Function>, String> {
        let read = |statement: Statement| {
            let words = statement.code.iter().map(String::as_str);
            let code: Vec<&str> = words
                .filter(|word| !["static", "KUSTO_CALL"].contains(word))
                .collect();
            self.function(&code, statement.comment)
        };
        statements(text)?.into_iter().map(read).collect()
    }

    /// `RESULT (KUSTO_CALL *NAME)(PARAMETERS);`
    fn callback(&self, code: &[&str], comment: String) -> Result<Function, String> {
        let open = code.iter().position(|word| *word == "(");
        let (result, rest) = code.split_at(open.unwrap_or(code.len()));
        match rest {
            ["(", "KUSTO_CALL", "*", name, ")", parameters @ ..] => {
                let plain = [result, &[*name], parameters].concat();
                self.function(&plain, comment)
            }
            _ => Err(unreadable(code)),
        }
    }

    /// `RESULT NAME(PARAMETERS);`, or with a body.
    fn function(&self, code: &[&str], comment: String) -> Result<Function, String> {
        let parts = || {
            let open = code.iter().position(|word| *word == "(")?;
            let close = code.iter().position(|word| *word == ")")?;
            let (name, result) = code.get(..open)?.split_last()?;
            Some((name, result, code.get(open + 1..close)?, &code[close + 1..]))
        };
        let (name, result, parameters, body) = parts().ok_or_else(|| unreadable(code))?;
        let body = match body {
            [";"] => &[],
            ["{", body @ .., "}"] => body,
            _ => return Err(unreadable(code)),
        };
        Ok(Function {
            name: (*name).to_owned(),
            result: self.kind(name, result)?,
            parameters: self.parameters(name, parameters)?,
            comment,
            body: body.iter().map(|word| (*word).to_owned()).collect(),
        })
    }

    fn parameters(&self, function: &str, code: &[&str]) -> Result<Vec<Parameter>, String> {
        if code == ["void"] {
            return Ok(Vec::new());
        }
        let read = |code: &[&str]| {
            let (name, kind) = code.split_last().unwrap_or((&"", &[]));
            if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
                return Err(format!("{function}: no name after `{}`", code.join(" ")));
            }
            Ok(Parameter {
                kind: self.kind(function, kind)?,
                name: (*name).to_owned(),
            })
        };
        code.split(|word| *word == ",").map(read).collect()
    }

    fn kind(&self, function: &str, code: &[&str]) -> Result<Type, String> {
        let (constant, rest) = match code {
            ["const", rest @ ..] => (true, rest),
            _ => (false, code),
        };
        match rest {
            [base, pointers @ ..] if pointers.iter().all(|word| *word == "*") => Ok(Type {
                constant,
                base: self.base(base).ok_or_else(|| unknown(function, base))?,
                pointers: pointers.len(),
            }),
            _ => Err(unknown(function, &code.join(" "))),
        }
    }

    fn base(&self, name: &str) -> Option<Base> {
        match name {
            "void" => Some(Base::Void),
            "char" => Some(Base::Char),
            _ if self.objects.contains(name) => Some(Base::Object(name.to_owned())),
            _ if self.callbacks.iter().any(|known| known.name == name) => {
                Some(Base::Callback(name.to_owned()))
            }
            _ => self.number(name).map(Base::Number),
        }
    }

    fn number(&self, name: &str) -> Option<Number> {
        Number::of(name).or_else(|| self.numbers.get(name).copied())
    }
}

fn unknown(of: &str, kind: &str) -> String {
    format!("{of}: unknown type `{kind}`")
}

fn unreadable(code: &[&str]) -> String {
    format!("cannot read the declaration `{}`", code.join(" "))
}

struct Statement {
    code: Vec<String>,
    comment: String,
}

/// What ends with a semicolon or a body.
fn statements(text: &str) -> Result<Vec<Statement>, String> {
    let mut found = Vec::new();
    let (mut code, mut comment, mut depth) = (Vec::<String>::new(), String::new(), 0_usize);
    for piece in pieces(text)? {
        match piece {
            // The end of `extern "C" {`, or of an enum whose values have ended.
            Piece::Code(sign) if code.is_empty() && (sign == "}" || sign == ";") => {}
            Piece::Code(word) => {
                depth = match word.as_str() {
                    "{" => depth + 1,
                    "}" => depth.checked_sub(1).ok_or("a brace that nothing opens")?,
                    _ => depth,
                };
                let ended = depth == 0 && (word == ";" || word == "}");
                code.push(word);
                if code == ["extern", "\"C\"", "{"] {
                    (code, depth) = (Vec::new(), 0);
                } else if ended {
                    let (code, comment) = (std::mem::take(&mut code), std::mem::take(&mut comment));
                    found.push(Statement { code, comment });
                }
            }
            // Those inside of a statement belong to parts of it.
            Piece::Comment(text) if code.is_empty() => comment = text,
            Piece::Directive if code.is_empty() => comment.clear(),
            Piece::Comment(_) | Piece::Directive => {}
        }
    }
    match code.is_empty() {
        true => Ok(found),
        false => Err(format!("no end after `{}`", code.join(" "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "\
enum kusto_status
#if defined(__cplusplus)
  : int32_t
#endif
 {
    /* It succeeded. */
    KUSTO_OK = 0,
};
typedef enum kusto_status kusto_status;
typedef int32_t kusto_status;
typedef struct kusto_x kusto_x;
/* Called once. */
typedef void (KUSTO_CALL *kusto_drop_fn)(void *user_data);
#ifdef __cplusplus
extern \"C\" {
#endif // __cplusplus
/*
 * Frees it.
 *
 * Threads: any.
 */
KUSTO_API void kusto_x_free(kusto_x *x);
/* A comment of something else. */
#define KUSTO_OTHER 1
KUSTO_API
kusto_status kusto_x_new(const uint8_t *data,
                         size_t len,
                         kusto_drop_fn drop,
                         const kusto_x **out);
KUSTO_API uint32_t kusto_version(void);
#ifdef __cplusplus
}  // extern \"C\"
#endif
";

    fn shown(function: &Function) -> String {
        let parameters: Vec<String> = function
            .parameters
            .iter()
            .map(|it| it.to_string())
            .collect();
        let (result, name) = (&function.result, &function.name);
        format!("{result} {name}({})", parameters.join(", "))
    }

    #[test]
    fn functions_have_types_and_the_comment_right_before_them() {
        let found = declarations(HEADER).unwrap();
        let functions: Vec<String> = found.functions.iter().map(shown).collect();
        assert_eq!(
            functions,
            [
                "void kusto_x_free(kusto_x *x)",
                "int32_t kusto_x_new(const uint8_t *data, size_t len, kusto_drop_fn drop, const kusto_x **out)",
                "uint32_t kusto_version()",
            ]
        );
        let comments = found.functions.iter().map(|it| it.comment.as_str());
        let comments: Vec<&str> = comments.collect();
        assert_eq!(comments, ["\nFrees it.\n\nThreads: any.\n", "", ""]);
        let callbacks: Vec<String> = found.callbacks.iter().map(shown).collect();
        assert_eq!(callbacks, ["void kusto_drop_fn(void *user_data)"]);
    }

    #[test]
    fn functions_of_another_file_may_have_a_body() {
        let text = "static void KUSTO_CALL on_drop(void *user) { if (user) { f(user); } }\n\
                    kusto_status shim(uintptr_t user, kusto_x **out);";
        let found = declarations(HEADER).unwrap().functions_of(text).unwrap();
        assert_eq!(shown(&found[0]), "void on_drop(void *user)");
        assert_eq!(found[0].body.join(" "), "if ( user ) { f ( user ) ; }");
        assert_eq!(
            shown(&found[1]),
            "int32_t shim(uintptr_t user, kusto_x **out)"
        );
    }

    #[test]
    fn what_is_not_of_the_grammar_is_an_error_that_names_it() {
        for (text, wrong) in [
            (
                "KUSTO_API void kusto_a(long b);",
                "kusto_a: unknown type `long`",
            ),
            (
                "KUSTO_API void kusto_a(kusto_b *b);",
                "kusto_a: unknown type `kusto_b`",
            ),
            (
                "KUSTO_API kusto_b kusto_a(void);",
                "kusto_a: unknown type `kusto_b`",
            ),
            (
                "KUSTO_API void kusto_a(char *const b);",
                "kusto_a: unknown type `char * const`",
            ),
            (
                "KUSTO_API void kusto_a(int32_t);",
                "kusto_a: unknown type ``",
            ),
            ("typedef long kusto_a;", "kusto_a: unknown type `long`"),
            (
                "typedef void (KUSTO_CALL *kusto_a_fn)(long b);",
                "kusto_a_fn: unknown type `long`",
            ),
            (
                "KUSTO_API void kusto_a(void *);",
                "kusto_a: no name after `void *`",
            ),
            ("KUSTO_API void kusto_a();", "kusto_a: no name after ``"),
            (
                "typedef void (*kusto_a_fn)(void);",
                "cannot read the declaration `void ( * kusto_a_fn ) ( void ) ;`",
            ),
            (
                "void kusto_a(void);",
                "cannot read the declaration `void kusto_a ( void ) ;`",
            ),
            (
                "KUSTO_API void kusto_a(void)",
                "no end after `KUSTO_API void kusto_a ( void )`",
            ),
        ] {
            assert_eq!(declarations(text).map(drop), Err(wrong.to_owned()));
        }
    }
}
