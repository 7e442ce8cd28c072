//! The events of the log beside the page that lists them, docs/LOGGING.md.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use kusto_ingest::client::ClientBuilder;
use kusto_ingest::log::{LogLevel, receiver};
use kusto_ingest::prelude::*;
use kusto_ingest::props::IngestionMode;

use crate::server::{Act, Request, Server, TOKEN_REFUSED, healthy, of_storage, props, reply, row};

/// Level, message and fields.
type Kind = (String, String, BTreeSet<String>);
type Events = Arc<Mutex<BTreeMap<String, Kind>>>;

/// The page's table of events.
fn listed() -> BTreeMap<String, Kind> {
    let page = include_str!("../../docs/LOGGING.md");
    let (_, rows) = page.split_once("## Events").unwrap();
    let (rows, _) = rows.split_once("## Fields").unwrap();
    let bare = |cell: &str| cell.trim().trim_matches('`').to_owned();
    let rows = rows.lines().filter(|line| line.starts_with("| `"));
    let events = rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        let fields = cells[4].split(',').map(bare).collect();
        // Everything happens for the first time here.
        let level = bare(cells[1]);
        let first = level.split(", repeated").next().unwrap().to_owned();
        (bare(cells[0]), (first, bare(cells[3]), fields))
    });
    events.collect()
}

/// Settings of a client whose events are kept.
fn watched(server: &Server, events: &Events) -> ClientBuilder {
    let kept = events.clone();
    let log = receiver(
        LogLevel::Trace,
        Arc::new(move |record| {
            let mut kept = kept.lock().unwrap();
            let kind = || {
                let level = format!("{:?}", record.level).to_lowercase();
                (level, record.message.to_owned(), BTreeSet::new())
            };
            let (_, _, fields) = kept.entry(record.event.to_owned()).or_insert_with(kind);
            fields.extend(record.fields.keys().cloned());
        }),
    );
    server.builder().log(log).retry_time(2).unwrap()
}

/// An ingestion in which the answers to some requests are others; whether it works does not matter.
async fn ingest(
    events: &Events,
    props: &IngestionProperties,
    act: impl Fn(&Request) -> Option<Act> + Send + Sync + 'static,
) {
    let server = Server::start(move |request, base| {
        act(request).unwrap_or_else(|| Act::Send(healthy(request, base)))
    })
    .await;
    let client = watched(&server, events).build().unwrap();
    let _ = client.ingest(row(), props, CallOptions::new()).await;
}

/// The check of a table by a login that may read nothing.
async fn check(events: &Events) {
    let server = Server::start(|request, base| {
        let is_read = request.body.contains(".show") || request.body.contains("current_principal");
        Act::Send(match is_read {
            true => reply(403, "", ""),
            false => healthy(request, base),
        })
    })
    .await;
    let client = watched(&server, events).build().unwrap();
    let checked = client.warm_up_table(&props(), CallOptions::new()).await;
    assert_eq!(checked.unwrap().unchecked().len(), 2);
}

/// All of them, and nothing else.
async fn provoke(events: &Events) {
    let refuse = |status, is: fn(&Request) -> bool| {
        move |request: &Request| is(request).then(|| Act::Send(reply(status, "", "")))
    };
    ingest(events, &props(), |_| None).await;
    check(events).await;
    ingest(events, &props(), refuse(503, Request::is_upload)).await;
    ingest(events, &props(), refuse(503, Request::is_post_of_message)).await;
    ingest(events, &props(), |_| Some(Act::SendAndClose(String::new()))).await;
    // The first resources are lent, and those that replace them are not.
    let lent = Mutex::new(0);
    ingest(events, &props(), move |request| {
        let is_asked_again = request.body.contains("ingestion resources") && {
            let mut lent = lent.lock().unwrap();
            *lent += 1;
            *lent > 1
        };
        let status = match (request.is_upload(), is_asked_again) {
            (true, _) => 403,
            (_, true) => 400,
            _ => return None,
        };
        Some(Act::Send(reply(status, "", "")))
    })
    .await;
    let tracked = props().with_report_method(ReportMethod::Table);
    ingest(events, &tracked, |request| {
        let fails = request.is_post_of_message() || request.line.starts_with("DELETE");
        fails.then(|| Act::Send(reply(400, "", "")))
    })
    .await;
    ingest(events, &props(), refuse(403, Request::is_post_of_message)).await;
    ingest(events, &props(), refuse(404, Request::is_post_of_message)).await;
    stream(events).await;
    take_outcomes(events).await;
    lose_the_file(events).await;
    track(events).await;
}

/// An engine that does not stream, and one whose update policy fails.
async fn stream(events: &Events) {
    let is_streamed = |request: &Request| request.line.contains("/v1/rest/ingest/");
    let managed = props().with_mode(IngestionMode::Managed);
    ingest(events, &managed, move |request| {
        is_streamed(request).then(|| Act::Send(reply(404, "", "")))
    })
    .await;
    let streaming = props().with_mode(IngestionMode::Streaming);
    ingest(events, &streaming, move |request| {
        let row =
            r#"{"Tables":[{"Columns":[{"ColumnName":"UpdatePolicyStatus"}],"Rows":[["Failed"]]}]}"#;
        is_streamed(request).then(|| Act::Send(reply(200, "", row)))
    })
    .await;
}

/// A file that is gone when the service lends another container.
async fn lose_the_file(events: &Events) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.csv");
    std::fs::write(&path, "1,a\n").unwrap();
    let source = Source::file(&path);
    let server = Server::start(move |request, base| {
        let is_refused = request.is_post_of_message() && path.exists();
        if is_refused {
            std::fs::remove_file(&path).unwrap();
        }
        let answer = healthy(request, base);
        Act::Send(match (is_refused, path.exists()) {
            (true, _) => of_storage(request, 403, ""),
            (_, true) => answer,
            (_, false) => answer.replace("/c1?", "/c2?"),
        })
    })
    .await;
    let client = watched(&server, events).build().unwrap();
    let ingested = client.ingest(source, &props(), CallOptions::new()).await;
    assert!(ingested.is_ok(), "{ingested:?}");
}

/// The table of a token is not lent by this service.
async fn track_elsewhere(events: &Events, token: &TrackingToken) {
    let server = Server::start(|request, base| Act::Send(healthy(request, base))).await;
    let client = watched(&server, events).build().unwrap();
    let report = client.track(token, CallOptions::new()).await;
    assert_eq!(report.unwrap().count(ItemState::Succeeded), 1);
}

/// The service refuses an identity token.
async fn track(events: &Events) {
    let server = Server::start(|request, base| {
        Act::Send(match request.line.starts_with("GET /table") {
            true => of_storage(request, 200, TOKEN_REFUSED),
            false => healthy(request, base),
        })
    })
    .await;
    let client = watched(&server, events).build().unwrap();
    let tracked = props().with_report_method(ReportMethod::Table);
    let receipt = client.ingest(row(), &tracked, CallOptions::new()).await;
    let receipt = receipt.unwrap();
    let report = client.track(receipt.tracking_token(), CallOptions::new());
    assert_eq!(report.await.unwrap().count(ItemState::Failed), 1);
    track_elsewhere(events, receipt.tracking_token()).await;
}

/// One message is taken, and the queue fails after it.
async fn take_outcomes(events: &Events) {
    let taken = Mutex::new(0);
    let server = Server::start(move |request, base| {
        let mut taken = taken.lock().unwrap();
        *taken +=
            usize::from(request.line.starts_with("GET ") && request.line.contains("/messages"));
        match *taken > 1 {
            true => Act::Send(reply(400, "", "")),
            false => Act::Send(healthy(request, base)),
        }
    })
    .await;
    let client = watched(&server, events).build().unwrap();
    let query = OutcomeQuery::new(Outcome::Failures);
    let taken = client.take_outcomes(&query, CallOptions::new()).await;
    assert_eq!(taken.unwrap().items().len(), 1);
}

#[tokio::test]
async fn every_event_is_listed_with_its_fields_and_every_listed_one_occurs() {
    let (events, listed) = (Events::default(), listed());
    provoke(&events).await;
    let seen = std::mem::take(&mut *events.lock().unwrap());
    let names = |events: &BTreeMap<String, Kind>| events.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&seen), names(&listed));
    for (name, (level, message, mut fields)) in seen {
        fields.remove("client_request_id");
        fields.remove("source_id");
        assert_eq!((level, message, fields), listed[&name], "{name}");
    }
}

/// The levels of some events, in their order.
async fn levels(refused: fn(&Request) -> bool) -> Vec<(String, LogLevel)> {
    let server = Server::start(move |request, base| {
        Act::Send(match refused(request) {
            true => reply(503, "", ""),
            false => healthy(request, base),
        })
    })
    .await;
    let kept = Arc::<Mutex<Vec<(String, LogLevel)>>>::default();
    let seen = kept.clone();
    let log = receiver(
        LogLevel::Debug,
        Arc::new(move |record| {
            let event = (record.event.to_owned(), record.level);
            seen.lock().unwrap().push(event);
        }),
    );
    let client = server.builder().log(log).retry_time(3).unwrap();
    let client = client.build().unwrap();
    let error = client.ingest(row(), &props(), CallOptions::new()).await;
    assert_eq!(error.unwrap_err().http_status(), Some(503));
    kept.lock().unwrap().clone()
}

#[tokio::test]
async fn an_outage_is_news_in_its_first_round_only() {
    for (refused, last) in [
        (Request::is_upload as fn(&Request) -> bool, "upload_failed"),
        (Request::is_post_of_message, "post_failed"),
    ] {
        let seen = levels(refused).await;
        let round = |(event, _): &(String, LogLevel)| event == "round";
        let first = seen.iter().position(round).expect("more than one round");
        for (number, (event, level)) in seen.iter().enumerate() {
            let expected = match event.as_str() {
                "round" => LogLevel::Warn,
                "retry" => [LogLevel::Warn, LogLevel::Debug][usize::from(number > first)],
                name if name == last => {
                    [LogLevel::Warn, LogLevel::Debug][usize::from(number > first)]
                }
                _ => continue,
            };
            assert_eq!(*level, expected, "{event} at {number}: {seen:?}");
        }
        let count = |name: &str| seen.iter().filter(|(event, _)| event == name).count();
        assert!(count(last) > 1 && count("retry") > 2, "{seen:?}");
    }
}
