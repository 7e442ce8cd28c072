//! The query language: lexer, parser, binder and evaluator of a subset of KQL.

pub mod lexer;
