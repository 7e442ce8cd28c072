//! Properties of commands; what each of them does is in `tests/golden/commands`.

use proptest::prelude::*;
use serde_json::Map;

use super::super::database::tests::engine_with_table;
use super::super::kql::run::Context;
use super::super::role::Role;
use super::run;
use super::script::commands;

proptest! {
    #[test]
    fn no_command_panics(text in r#"\.(show|create|alter|alter-merge|drop|rename|set|append|clear|delete|execute) (table|tables|database|column|policy|extents|script|async|T|Db|a|x|\.|\(|\)|:|long|=|to|'x'|'\[\]'|"\{\}"|with|details|schema|as|json|caching|hot|3d|retention|ingestiontime|true|from|all|older|10|days|<\||print 1|\.show tables|\n| ){0,20}"#) {
        let engine = engine_with_table();
        let parameters = Map::new();
        let context = Context { engine: &engine, database: "db", now: 0, parameters: &parameters, host: "localhost" };
        let _ = run(&context, Role::Both, &text);
    }

    #[test]
    fn a_script_is_cut_at_commands(text in "(\\.a|\\.|b|'|\"|//|é|```|\\{|\\}|\n| ){0,30}") {
        if let Ok(found) = commands(&text) {
            prop_assert!(found.iter().all(|command| command.starts_with('.')));
            let length: usize = found.iter().map(|command| command.len()).sum();
            prop_assert!(length <= text.len());
        }
    }
}
