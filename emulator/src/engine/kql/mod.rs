//! The query language: a subset of KQL. What it cannot do is a syntax or semantic error, never a
//! guessed answer.

pub mod aggregate;
mod arithmetic;
pub mod ast;
pub mod binder;
pub mod bound;
pub mod cast;
mod dynamic;
mod expression;
pub mod frame;
mod functions;
pub mod lexer;
pub mod operators;
pub mod parser;
pub mod relation;
pub mod run;
pub mod scope;
mod sources;
pub mod statements;
mod steps;
mod subquery;
mod summarize;
mod text;
pub mod user_functions;

#[cfg(test)]
mod tests;
