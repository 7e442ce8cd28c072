//! Requests that take too long or need too much: each ends with an error, and soon.

use hyper::HeaderMap;
use kusto_emulator::engine::database::Engine;
use kusto_emulator::engine::endpoint::{Endpoint, Reply, respond};
use kusto_emulator::engine::role::Role;
use kusto_emulator::engine::watch::Stop;
use serde_json::{Value as Json, json};

use super::{ask, engine, failure, message, primary, send, with_table};

/// A query of some million million steps, all within one value.
const ENDLESS: &str = "print set_difference(range(1, 1000000), range(-1000000, -1))";

fn with_options(engine: &Engine, endpoint: Endpoint, text: &str, options: &Json) -> (u16, Json) {
    let body = json!({"db": "TestDatabase", "csl": text, "properties": {"Options": options}});
    send(engine, Role::Both, endpoint, &body)
}

#[test]
fn a_query_ends_when_its_time_is_over() {
    let engine = with_table();
    for endpoint in [Endpoint::QueryV1, Endpoint::QueryV2] {
        for text in [
            ENDLESS,
            "T | count",
            "T | where a > 1",
            "range x from 1 to 10000000 step 1 | where set_has_element(range(1, 1000000), -x)",
        ] {
            let limit = json!({"servertimeout": "00:00:00.0000001"});
            let (status, body) = with_options(&engine, endpoint, text, &limit);
            let error = &body["error"];
            assert_eq!(status, 504, "{text}: {body}");
            assert_eq!(error["code"], "RequestExecutionTimeout");
            assert_eq!(
                error["@type"],
                "Kusto.Data.Exceptions.KustoServiceTimeoutException"
            );
            assert_eq!(error["@permanent"], false);
            assert!(message(error).contains("timed out"), "{body}");
        }
    }
}

#[test]
fn a_loop_within_one_value_ends_when_its_time_is_over() {
    let engine = engine();
    let limit = json!({"servertimeout": "00:00:00.0000001"});
    let members: Vec<String> = (0..200_000).map(|at| format!("{at}:{at}")).collect();
    let members = members.join(",").replace(',', ",'").replace(':', "':");
    for text in [
        "print series_fir(range(1, 1000000), range(1, 1000000))".to_owned(),
        "print series_iir(range(1, 1000000), range(1, 1000000), range(1, 1000000))".to_owned(),
        "print punycode_from_string(make_string(range(65536, 1114111)))".to_owned(),
        format!("print d = dynamic({{'{members}}}) | summarize buildschema(d)"),
    ] {
        let (status, body) = with_options(&engine, Endpoint::QueryV2, &text, &limit);
        assert_eq!(status, 504, "{body}");
    }
}

#[test]
fn the_time_is_an_option_of_the_request() {
    let engine = with_table();
    for (options, status) in [
        (json!({"servertimeout": "00:00:00"}), 504),
        (json!({"servertimeout": "0s"}), 504),
        (json!({"servertimeout": "50m"}), 200),
        // More than an hour is an hour.
        (json!({"servertimeout": "10.00:00:00"}), 200),
        (json!({"norequesttimeout": true}), 200),
        // What is no timespan has no effect.
        (json!({"servertimeout": "1 day, 0:00:00"}), 200),
        (json!({"servertimeout": "-1s"}), 200),
        (json!({"servertimeout": null}), 200),
    ] {
        let (found, body) = with_options(&engine, Endpoint::QueryV2, "T | count", &options);
        assert_eq!(found, status, "{options}: {body}");
    }
    // It is none of the options that a query may set.
    primary(&engine, "set servertimeout = '00:00:00'; T | count");
}

#[test]
fn a_command_that_is_out_of_time_stores_nothing() {
    let engine = with_table();
    let limit = json!({"servertimeout": "00:00:00"});
    for command in [
        ".show tables | where TableName == 'T'",
        ".set Made <| T",
        ".set-or-append T <| T | extend s = 'again'",
    ] {
        let (status, body) = with_options(&engine, Endpoint::Mgmt, command, &limit);
        assert_eq!(status, 504, "{command}: {body}");
    }
    assert_eq!(primary(&engine, "T | count")["Rows"], json!([[2]]));
    failure(&engine, Endpoint::QueryV2, "Made | count");
}

#[test]
fn a_request_that_nobody_waits_for_ends() {
    let engine = engine();
    let stop = Stop::default();
    let waiting = stop.clone();
    let body = json!({"db": "TestDatabase", "csl": ENDLESS}).to_string();
    let computing = std::thread::spawn(move || {
        let headers = HeaderMap::new();
        respond(
            &stop,
            &engine,
            Role::Both,
            Endpoint::QueryV2,
            &headers,
            body.as_bytes(),
        )
    });
    waiting.stop();
    let Reply { status, .. } = computing.join().expect("no panic");
    assert_eq!(status, 504);
}

/// Runs a query that must end as a runaway.
fn runaway(engine: &Engine, query: &str) {
    let shown: String = query.chars().take(200).collect();
    let (status, body) = ask(engine, Endpoint::QueryV2, query);
    // By the time that the service finds it, it has sent its status.
    assert_eq!(status, 200, "{shown}");
    let end = body
        .as_array()
        .and_then(|frames| frames.last())
        .expect("frames");
    assert_eq!(end["HasErrors"], true, "{shown}: {body}");
    let error = &end["OneApiErrors"][0]["error"];
    assert_eq!(error["code"], "LimitsExceeded", "{shown}: {body}");
    assert!(
        message(error).contains("E_RUNAWAY_QUERY"),
        "{shown}: {body}"
    );
    // The next query of the same thread has nothing of it.
    primary(engine, "print 1");
}

#[test]
fn a_runaway_stands_within_the_answer() {
    let engine = engine();
    let query = "range x from 1 to 1000 step 1 | mv-expand a = range(1, 1000000)";
    let in_rows = |body: &Json| body[2]["Rows"][0]["OneApiErrors"][0]["error"]["code"].clone();
    let (_, v2) = ask(&engine, Endpoint::QueryV2, query);
    assert_eq!(in_rows(&v2), "LimitsExceeded", "{v2}");
    assert_eq!(v2[3]["Rows"][0][8], "E_RUNAWAY_QUERY", "{v2}");

    let (status, v1) = ask(&engine, Endpoint::QueryV1, query);
    assert_eq!(status, 200, "{v1}");
    for text in [
        &v1["Tables"][0]["Rows"][0]["Exceptions"][0],
        &v1["Exceptions"][0],
    ] {
        assert!(
            text.as_str()
                .is_some_and(|text| text.contains("E_RUNAWAY_QUERY")),
            "{v1}"
        );
    }
    assert_eq!(v1["Tables"][2]["Rows"][0][1], 2, "{v1}");

    // Then the status alone says it.
    let deferred = json!({"deferpartialqueryfailures": true});
    let (status, v2) = with_options(&engine, Endpoint::QueryV2, query, &deferred);
    assert_eq!(status, 200, "{v2}");
    assert_eq!(v2[2]["Rows"], json!([]), "{v2}");
    assert_eq!(v2[3]["Rows"][0][5], 2, "{v2}");
    assert_eq!(v2[4]["HasErrors"], false, "{v2}");

    // What a command computes is computed before it answers.
    let error = failure(&engine, Endpoint::Mgmt, &format!(".set Made <| {query}"));
    assert_eq!(error["code"], "LimitsExceeded");
}

#[test]
fn what_would_make_too_many_rows_is_not_even_begun() {
    let engine = engine();
    for query in [
        "range x from 1 to 40000 step 1 | extend k = 1 | join kind=inner (range y from 1 to 40000 step 1 | extend k = 1) on k",
        "range x from 1 to 1000 step 1 | mv-expand a = range(1, 1000000)",
        "let T = range x from 1 to 1000000 step 1; union (T), (T), (T), (T), (T), (T), (T), (T), (T), (T), (T), (T), (T), (T), (T), (T), (T), (T), (T), (T), (T)",
        "range x from 1 to 5000 step 1 | extend p = bag_pack(tostring(x), x) | evaluate bag_unpack(p)",
    ] {
        runaway(&engine, query);
    }
}

/// `levels` statements, each of which uses the one before twice, and the last name.
fn doubled(first: &str, levels: usize, twice: impl Fn(&str) -> String) -> (String, String) {
    let mut query = format!("let a0 = {first}; ");
    for level in 1..=levels {
        let before = format!("a{}", level - 1);
        query.push_str(&format!("let a{level} = {}; ", twice(&before)));
    }
    (query, format!("a{levels}"))
}

#[test]
fn no_value_takes_all_memory() {
    let engine = engine();
    let series = "default = strrep('x', 1000) on x from 1 to 100000 step 1";
    runaway(
        &engine,
        &format!("range x from 1 to 2 step 1 | make-series a = take_any('y') {series}"),
    );
    let (text, name) = doubled("strrep('x', 1000)", 40, |a| format!("strcat({a}, {a})"));
    runaway(&engine, &format!("{text} print strlen({name})"));
    let (text, name) = doubled("dynamic([1])", 40, |a| format!("pack_array({a}, {a})"));
    runaway(&engine, &format!("{text} print array_length({name})"));
    let (text, name) = doubled("dynamic([1])", 40, |a| format!("array_concat({a}, {a})"));
    runaway(&engine, &format!("{text} print array_length({name})"));
    // Deep, and not large.
    let (text, name) = doubled("dynamic([1])", 5000, |a| format!("pack_array({a})"));
    runaway(&engine, &format!("{text} print {name}"));
    // A name of a random number stands for the expression.
    let (text, name) = doubled("rand()", 40, |a| format!("{a} + {a}"));
    runaway(&engine, &format!("{text} print {name}"));
    let (text, name) = doubled("rand()", 5000, |a| format!("{a} + 1"));
    runaway(&engine, &format!("{text} print {name}"));
    let lists = "| summarize a = make_list(a) ".repeat(5000);
    runaway(&engine, &format!("print a = 1 {lists}"));

    let big =
        "let big = strrep(strrep('x', 1000), 1000); let half = strcat_array(repeat(big, 40), '');";
    for expression in [
        "replace_string(big, 'x', big)",
        "replace_strings(big, dynamic(['x']), pack_array(big))",
        "replace_regex(big, 'x', strrep('0123456789', 8))",
        "repeat(big, 1000000)",
        "strcat_array(range(1, 1000000), big)",
        "strcat(half, half, half)",
        "array_iff(range(1, 1000), big, big)",
        "array_shift_left(range(1, 1000), 1, big)",
    ] {
        runaway(&engine, &format!("{big} print {expression}"));
    }
}

#[test]
fn functions_that_call_each_other_twice_end() {
    let mut query = "let f0 = (x:long) { x + 1 }; ".to_owned();
    for level in 1..16 {
        let calls = vec![format!("f{}(x)", level - 1); 8].join(" + ");
        query.push_str(&format!("let f{level} = (x:long) {{ {calls} }}; "));
    }
    runaway(
        &engine(),
        &format!("{query} range x from 1 to 3 step 1 | extend y = f15(x)"),
    );
}

#[test]
fn long_and_deep_queries_end() {
    let engine = with_table();
    let numbers: Vec<String> = (0..150_000).map(|number| number.to_string()).collect();
    let list = numbers.join(",");
    let found = primary(&engine, &format!("T | where a in ({list}) | count"));
    assert_eq!(found["Rows"], json!([[2]]));
    let found = primary(&engine, &format!("print array_length(dynamic([{list}]))"));
    assert_eq!(found["Rows"], json!([[150_000]]));
    let text = "x".repeat(1 << 20);
    let found = primary(&engine, &format!("print strlen('{text}')"));
    assert_eq!(found["Rows"], json!([[1 << 20]]));
    let steps = "| where a > 0 ".repeat(60_000);
    let found = primary(&engine, &format!("T {steps} | count"));
    assert_eq!(found["Rows"], json!([[2]]));

    let deep = 10_000;
    for query in [
        format!("print {}1{}", "(".repeat(deep), ")".repeat(deep)),
        format!("print {}true{}", "not(".repeat(deep), ")".repeat(deep)),
        format!("print {}1", "-".repeat(deep)),
        format!("print 1{}", " + 1".repeat(300_000)),
        format!("T | where a == 1{}", " or a == 1".repeat(100_000)),
        format!("{}T{}", "(".repeat(deep), ")".repeat(deep)),
        format!("print dynamic({}{})", "[".repeat(deep), "]".repeat(deep)),
        format!("print a{}", "[0]".repeat(deep)),
        // JSON that is too deep is neither held nor taken for text.
        format!(
            "print parse_json('{}{}')",
            "[".repeat(deep),
            "]".repeat(deep)
        ),
        format!("print {}", "(".repeat(1 << 20)),
        "a".repeat(1 << 20),
        "|".repeat(1 << 20),
        "'".repeat((1 << 20) + 1),
    ] {
        let error = failure(&engine, Endpoint::QueryV2, &query);
        assert!(message(&error).len() < 5 << 20);
    }
}

#[test]
fn explosive_regular_expressions_end() {
    let engine = engine();
    let text = "a".repeat(100_000);
    for (expression, found) in [
        (format!("'{text}' matches regex '(a*)*b'"), json!(false)),
        (
            format!("'{text}' matches regex '(a|a)*(a|aa)*c'"),
            json!(false),
        ),
        (
            format!("isempty(extract('((a+)+)+$x', 1, '{text}'))"),
            json!(true),
        ),
        (format!("countof('{text}', '(a?)*a', 'regex')"), json!(1)),
        (
            format!("strlen(replace_regex('{text}', 'a+?', 'b'))"),
            json!(100_000),
        ),
    ] {
        assert_eq!(
            primary(&engine, &format!("print {expression}"))["Rows"],
            json!([[found]])
        );
    }
    for pattern in [
        "((a{1000}){1000}){1000}",
        "(a{0,1000}){0,1000}b",
        "\\w{1000}{1000}",
    ] {
        let error = failure(
            &engine,
            Endpoint::QueryV2,
            &format!("print 'a' matches regex @'{pattern}'"),
        );
        assert_eq!(error["innererror"]["code"], "SEM0420", "{error}");
    }
}

#[test]
fn a_query_is_canceled_by_the_id_that_its_client_gave_it() {
    let engine = engine();
    let cancel = r#".cancel query "KE.RunQuery;1" with (reason = "too long")"#;
    let canceled = |text: &str| {
        let (_, body) = ask(&engine, Endpoint::Mgmt, text);
        body["Tables"][0]["Rows"][0].clone()
    };
    assert_eq!(
        canceled(cancel),
        json!(["KE.RunQuery;1", "too long", false])
    );
    let body = json!({"db": "TestDatabase", "csl": ENDLESS}).to_string();
    let (running, stop) = (engine.clone(), Stop::default());
    let computing = std::thread::spawn(move || {
        let id = ("x-ms-client-request-id", "KE.RunQuery;1");
        let headers = HeaderMap::from_iter([(id.0.parse().unwrap(), id.1.parse().unwrap())]);
        respond(
            &stop,
            &running,
            Role::Both,
            Endpoint::QueryV2,
            &headers,
            body.as_bytes(),
        )
    });
    canceled(r#".cancel query "KE.RunQuery;2""#);
    while canceled(cancel) != json!(["KE.RunQuery;1", "too long", true]) {
        std::thread::yield_now();
    }
    let Reply { status, body, .. } = computing.join().expect("no panic");
    assert_eq!(status, 400);
    let body: Json = serde_json::from_slice(&body).expect("JSON");
    assert!(
        message(&body["error"]).contains("canceled: too long"),
        "{body}"
    );
    assert_eq!(canceled(cancel)[2], false, "it runs no more");
}
