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
mod functions;
pub mod lexer;
pub mod parser;
pub mod relation;
pub mod run;
pub mod scope;
mod steps;
mod summarize;
mod text;

#[cfg(test)]
mod tests;
