//! The query language: a subset of KQL. What it cannot do is a syntax or semantic error, never a
//! guessed answer.

mod again;
pub mod aggregate;
mod arithmetic;
pub mod ast;
pub mod binder;
pub mod bound;
mod budget;
pub mod cast;
mod dynamic;
mod expression;
pub mod frame;
mod functions;
pub mod lexer;
pub mod operators;
mod origin;
pub mod parser;
pub mod patterns;
pub mod relation;
pub mod restriction;
pub mod run;
pub mod scope;
pub mod security;
mod sketch;
mod sources;
pub mod statements;
mod steps;
mod subquery;
mod summarize;
mod text;
pub mod user_functions;

/// The one principal that asks, as `current_principal()` names it.
pub(super) const PRINCIPAL: &str = functions::PRINCIPAL;

/// What a step of a recursion may need at most, and what it gets when less is left.
const STEP_STACK: usize = 512 * 1024;
const MORE_STACK: usize = 4 * 1024 * 1024;

/// A step of a recursion: on another stack when this one, which is the caller's, is nearly used up.
fn deep<T>(step: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(STEP_STACK, MORE_STACK, step)
}

#[cfg(test)]
mod tests;
