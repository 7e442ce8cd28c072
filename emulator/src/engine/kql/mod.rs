//! The query language: a subset of KQL. What it cannot do is a syntax or semantic error, never a
//! guessed answer.

pub mod ast;
mod expression;
pub mod lexer;
pub mod parser;
mod steps;
