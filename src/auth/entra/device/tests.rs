use std::sync::Mutex;

use super::*;

type Answers = Vec<Result<Poll>>;

fn code(life: u64, interval: u64) -> DeviceGrant {
    let text = format!(
        r#"{{"device_code":"d","user_code":"ABCD","verification_uri":"https://x.example/device","expires_in":{life},"interval":"{interval}"}}"#
    );
    DeviceGrant::parse(text.as_bytes(), OffsetDateTime::UNIX_EPOCH).unwrap()
}

fn granted() -> Result<Poll> {
    let text = br#"{"access_token":"a","refresh_token":"r"}"#;
    Grant::parse(text, OffsetDateTime::UNIX_EPOCH).map(Poll::Granted)
}

fn lost() -> Error {
    Error::new(ErrorKind::Network, Step::AcquireToken, "cut").with_retry(RetryClass::Later)
}

fn refused(error: &str, number: u64) -> Result<Poll> {
    let body = format!(r#"{{"error":"{error}","error_codes":[{number}],"error_description":"x"}}"#);
    let reply = Reply::of(400, body);
    Outcome::read(&reply, "host", OffsetDateTime::UNIX_EPOCH).and_then(Poll::of)
}

/// What comes of these answers, and at which seconds they were asked for.
async fn played(code: &DeviceGrant, answers: Answers) -> (Result<Grant>, Vec<u64>) {
    let begun = Instant::now();
    let answers = Mutex::new(answers.into_iter());
    let asked = Mutex::new(Vec::new());
    let result = wait_for_user(code, || {
        asked.lock().unwrap().push(begun.elapsed().as_secs());
        let next = answers.lock().unwrap().next();
        async { next.unwrap_or_else(|| refused("authorization_pending", 70016)) }
    })
    .await;
    (result, asked.into_inner().unwrap())
}

#[tokio::test(start_paused = true)]
async fn the_first_question_waits_and_pending_ones_follow_in_step() {
    let answers = vec![
        refused("authorization_pending", 70016),
        // Entra ID may send one of both only.
        refused("x", 70016),
        refused("authorization_pending", 0),
        granted(),
    ];
    let (grant, asked) = played(&code(900, 5), answers).await;
    assert_eq!(grant.unwrap().refresh, Some(Secret::from("r")));
    assert_eq!(asked, [5, 10, 15, 20]);
}

#[tokio::test(start_paused = true)]
async fn each_slow_down_lengthens_the_pauses_for_good() {
    let pending = || refused("authorization_pending", 70016);
    let slow = || refused("slow_down", 0);
    let answers = vec![slow(), pending(), slow(), pending(), granted()];
    let (grant, asked) = played(&code(900, 5), answers).await;
    assert!(grant.is_ok());
    assert_eq!(asked, [5, 15, 25, 40, 55]);
}

#[tokio::test(start_paused = true)]
async fn a_user_who_declines_ends_it() {
    for (error, number) in [("authorization_declined", 65004), ("access_denied", 0)] {
        let (grant, asked) = played(&code(900, 5), vec![refused(error, number), granted()]).await;
        let error = grant.err().unwrap();
        assert!(error.is_permanent(), "{error}");
        assert!(error.message().contains("declined"), "{error}");
        assert_eq!(asked.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_code_that_is_over_is_said_so_by_the_service_or_by_the_clock() {
    for (error, number) in [("expired_token", 70020), ("code_expired", 0)] {
        let (grant, _) = played(&code(900, 5), vec![refused(error, number)]).await;
        let error = grant.err().unwrap();
        assert!(error.is_permanent() && error.message().contains("begin the login again"));
    }
    let begun = Instant::now();
    let (grant, asked) = played(&code(13, 5), Vec::new()).await;
    let error = grant.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert_eq!(error.service_code(), Some("expired_token"));
    assert!(error.message().contains("begin the login again"), "{error}");
    assert_eq!((asked, begun.elapsed().as_secs()), (vec![5, 10], 13));
}

#[tokio::test(start_paused = true)]
async fn a_caller_with_a_deadline_leaves_before_the_code_is_over() {
    let code = code(900, 5);
    let waiting = played(&code, Vec::new());
    let left = tokio::time::timeout(Duration::from_secs(12), waiting).await;
    assert!(left.is_err());
}

/// Twice as long after each loss, and as before after an answer.
#[tokio::test(start_paused = true)]
async fn a_lost_network_between_two_questions_is_waited_for() {
    let answers = vec![
        Err(lost()),
        Err(lost()),
        refused("authorization_pending", 70016),
        Err(lost().with_retry_after(Duration::from_secs(30))),
        granted(),
    ];
    let (grant, asked) = played(&code(900, 5), answers).await;
    assert!(grant.is_ok());
    assert_eq!(asked, [5, 15, 35, 40, 70]);
}

#[tokio::test(start_paused = true)]
async fn a_long_interval_is_kept_and_lengthened() {
    let answers = vec![refused("slow_down", 0), granted()];
    let (grant, asked) = played(&code(900, 90), answers).await;
    assert!(grant.is_ok());
    assert_eq!(asked, [90, 185]);
}

#[tokio::test(start_paused = true)]
async fn after_losses_one_question_more_fits_before_the_end() {
    let mut answers: Answers = (0..3).map(|_| Err(lost())).collect();
    answers.push(granted());
    let (grant, asked) = played(&code(50, 5), answers).await;
    assert!(grant.is_ok());
    assert_eq!(asked, [5, 15, 35, 40]);
}

#[tokio::test(start_paused = true)]
async fn a_code_that_the_service_does_not_know_ends_it() {
    let (grant, _) = played(&code(900, 5), vec![refused("bad_verification_code", 70018)]).await;
    assert!(grant.err().unwrap().is_permanent());
}

#[test]
fn an_answer_is_checked_before_people_see_it() {
    let parse = |text: &str| DeviceGrant::parse(text.as_bytes(), OffsetDateTime::UNIX_EPOCH);
    let code = parse(
        r#"{"device_code":"d","user_code":"A\u001b[2J","verification_url":"https://x.example","interval":0,"expires_in":1e30,"message":"go\r\nt\u202ehere\u0007"}"#,
    )
    .unwrap();
    assert_eq!(code.user_code.expose(), "A [2J");
    assert_eq!(code.message, "go  there");
    assert_eq!((code.interval, code.life), (SHORTEST, LIFE));
    let plain =
        parse(r#"{"device_code":"d","user_code":"A","verification_uri":"https://x.example"}"#);
    let plain = plain.unwrap();
    assert_eq!(plain.interval, INTERVAL);
    assert!(plain.message.contains("https://x.example") && plain.message.contains('A'));
    for text in [
        "",
        "<html>",
        "{}",
        r#"{"device_code":"d","user_code":"A"}"#,
        r#"{"user_code":"A","verification_uri":"https://x.example"}"#,
        r#"{"device_code":"d","user_code":" ","verification_uri":"https://x.example"}"#,
        r#"{"device_code":"d","user_code":"A","verification_uri":"http://x.example"}"#,
        r#"{"device_code":"d","user_code":"A","verification_uri":"javascript:alert(1)"}"#,
    ] {
        let error = parse(text).err().unwrap();
        assert!(error.is_retryable(), "{text}");
    }
}
