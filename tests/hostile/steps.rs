//! Every step that speaks to storage, against answers that are not those of its requests.

use std::future::Future;
use std::pin::Pin;

use kusto_ingest::prelude::*;
use kusto_ingest::source::Compression;

use crate::server::{
    Act, Request, Server, healthy, of_storage, props, reply, row, stored, stored_as, success,
};

/// The ways in which an answer can fail to be that of its request; a success all the same.
const FOREIGN: [&str; 3] = [
    "",
    "x-ms-client-request-id: \r\n",
    "x-ms-client-request-id: 7e8b1a4e-9a4d-4c0e-9f58-0d4f1c2ab001\r\n",
];

/// What a call ended with: the texts of its results.
type Ended = Result<Vec<String>, Error>;
type Call = fn(Client) -> Pin<Box<dyn Future<Output = Ended> + Send>>;

/// A request to storage, the call that sends it, and how that call ends when none of the answers
/// to it counts: the step and the doubt of its error, or the results that it has all the same.
#[derive(Clone, Copy)]
struct Case {
    is: fn(&Request) -> bool,
    call: Call,
    ends: Result<&'static [&'static str], (&'static str, bool)>,
}

const CASES: [Case; 9] = [
    Case {
        is: |r| r.is_upload() && r.line.contains("/c1/") && !r.line.contains("comp="),
        call: |client| Box::pin(ingest(client, row())),
        ends: Err(("upload blob", false)),
    },
    Case {
        is: |r| r.line.contains("comp=block&"),
        call: |client| Box::pin(ingest(client, blocks())),
        ends: Err(("upload blob", false)),
    },
    Case {
        is: |r| r.line.contains("comp=blocklist"),
        call: |client| Box::pin(ingest(client, blocks())),
        ends: Err(("commit blob", false)),
    },
    Case {
        is: |r| r.line.starts_with("PUT /table"),
        call: |client| Box::pin(ingest(client, row())),
        ends: Err(("write status entity", false)),
    },
    Case {
        is: Request::is_post_of_message,
        call: |client| Box::pin(ingest(client, row())),
        ends: Err(("post message", true)),
    },
    Case {
        is: |r| r.line.starts_with("GET /table"),
        call: |client| Box::pin(track(client)),
        ends: Err(("read status", false)),
    },
    Case {
        is: |r| r.line.contains("peekonly"),
        call: |client| Box::pin(peek(client)),
        ends: Err(("read outcomes", false)),
    },
    Case {
        is: |r| r.line.contains("visibilitytimeout"),
        call: |client| Box::pin(take(client)),
        ends: Err(("read outcomes", false)),
    },
    // It may be deleted: twice is better than never.
    Case {
        is: |r| r.line.starts_with("DELETE /failed"),
        call: |client| Box::pin(take(client)),
        ends: Ok(&["the true one"]),
    },
];

fn tabled() -> IngestionProperties {
    props()
        .with_report_level(ReportLevel::FailuresAndSuccesses)
        .with_report_method(ReportMethod::Table)
}

/// Data of two blocks. Nothing looks into what says that it is compressed.
fn blocks() -> Source {
    let mut data = vec![0x1f, 0x8b, 8];
    data.resize(5 * 1024 * 1024, 0);
    Source::bytes(data).with_compression(Compression::Gzip)
}

async fn ingest(client: Client, source: Source) -> Ended {
    client.ingest(source, &tabled(), CallOptions::new()).await?;
    Ok(Vec::new())
}

async fn track(client: Client) -> Ended {
    let receipt = client.ingest(row(), &tabled(), CallOptions::new()).await?;
    let token = receipt.tracking_token();
    let report = client.track(token, CallOptions::new()).await?;
    let states = report
        .items()
        .iter()
        .map(|item| format!("{:?}", item.state));
    Ok(states.collect())
}

async fn peek(client: Client) -> Ended {
    let query = OutcomeQuery::new(Outcome::Failures).with_limit(1);
    details(client.peek_outcomes(&query, CallOptions::new()).await?)
}

async fn take(client: Client) -> Ended {
    let query = OutcomeQuery::new(Outcome::Failures).with_limit(1);
    details(client.take_outcomes(&query, CallOptions::new()).await?)
}

fn details(report: Report) -> Ended {
    let texts = report
        .items()
        .iter()
        .filter_map(|item| item.details.clone());
    Ok(texts.collect())
}

fn client(server: &Server, retry_seconds: usize) -> Client {
    let builder = server.builder().retry_time(retry_seconds).unwrap();
    builder.build().unwrap()
}

/// A success without the request's id, or with another one.
#[tokio::test]
async fn a_success_without_the_id_of_its_request_counts_nowhere() {
    let mut runs = tokio::task::JoinSet::new();
    for case in CASES {
        for headers in FOREIGN {
            runs.spawn(counts_nowhere(case, move |request| {
                stored_as(request, headers)
            }));
        }
    }
    while let Some(run) = runs.join_next().await {
        run.unwrap();
    }
}

/// A success of the request itself, with the status of another one.
#[tokio::test]
async fn a_success_with_the_status_of_another_request_counts_nowhere() {
    let mut runs = tokio::task::JoinSet::new();
    for case in CASES {
        for status in [200, 201, 202, 203, 204, 206, 299] {
            let answer = move |request: &Request| {
                let (right, body) = success(request);
                let status = if status == right { 207 } else { status };
                of_storage(request, status, if status == 204 { "" } else { body })
            };
            runs.spawn(counts_nowhere(case, answer));
        }
    }
    while let Some(run) = runs.join_next().await {
        run.unwrap();
    }
}

/// When this is the answer to its requests, the call of the case ends as it says.
async fn counts_nowhere(
    Case { is, call, ends }: Case,
    answer: impl Fn(&Request) -> String + Send + Sync + 'static,
) {
    let server = Server::start(move |request, base| match is(request) {
        true => Act::Send(answer(request)),
        false => Act::Send(healthy(request, base)),
    })
    .await;
    let ended = call(client(&server, 0)).await;
    assert!(server.count(is) > 0, "{ends:?}: never requested");
    match (ended, ends) {
        (Ok(results), Ok(expected)) => assert_eq!(results, expected),
        (Err(error), Err(expected)) => {
            let found = (error.step().name(), error.is_in_doubt());
            assert_eq!(found, expected, "{error}");
        }
        (ended, _) => panic!("{ends:?}: {ended:?}"),
    }
}

/// Before the answer to each of these requests stands one that nobody asked for, of another content:
/// a success, and refusals with and without an id. It is taken for the answer nowhere. (One without
/// an id is a gateway's, unless the connection was used before.)
#[tokio::test]
async fn an_answer_before_its_turn_is_nobodys() {
    const EARLY: &str = "x-ms-client-request-id: early\r\n";
    let mut runs = tokio::task::JoinSet::new();
    for Case { is, call, .. } in CASES {
        for (status, headers) in [(201, EARLY), (404, EARLY), (404, ""), (503, "")] {
            runs.spawn(async move {
                let server = Server::start(move |request, base| {
                    let early = is(request) && (!headers.is_empty() || request.is_behind_another);
                    match early {
                        true => Act::Send(reply(status, headers, "{}") + &stored(request, "")),
                        false => Act::Send(healthy(request, base)),
                    }
                })
                .await;
                let client = client(&server, 0);
                for _ in 0..3 {
                    match call(client.clone()).await {
                        Ok(results) => {
                            let right = ["Succeeded", "the true one"];
                            assert!(results.iter().all(|r| right.contains(&&**r)), "{results:?}");
                        }
                        Err(error) if error.step().name() == "post message" => {
                            assert!(error.is_in_doubt(), "{status} {headers}: {error}");
                        }
                        Err(_) => {}
                    }
                }
            });
        }
    }
    while let Some(run) = runs.join_next().await {
        run.unwrap();
    }
}
