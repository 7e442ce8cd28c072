use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

use super::flight::ABANDONED_AFTER;
use super::*;
use crate::clock::testing::ManualClock;

/// Returns the prepared answers, one per permit of its gate.
#[derive(Debug)]
struct Scripted {
    answers: Mutex<VecDeque<Result<AccessToken>>>,
    gate: Semaphore,
    calls: AtomicUsize,
}

#[async_trait]
impl TokenCredential for Scripted {
    async fn get_token(&self, _request: &TokenRequest) -> Result<AccessToken> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.gate.acquire().await.unwrap().forget();
        let answer = self.answers.lock().unwrap().pop_front();
        answer.expect("the credential was asked more often than the test says")
    }
}

struct Bench {
    cache: TokenCache,
    credential: Arc<Scripted>,
    clock: Arc<ManualClock>,
    request: TokenRequest,
}

impl Bench {
    /// A cache over these answers; `open` of them are given without waiting.
    fn new(answers: impl IntoIterator<Item = Result<AccessToken>>, open: usize) -> Self {
        let clock = Arc::new(ManualClock::default());
        let credential = Arc::new(Scripted {
            answers: Mutex::new(answers.into_iter().collect()),
            gate: Semaphore::new(open),
            calls: AtomicUsize::new(0),
        });
        Self {
            cache: TokenCache::with_clock(credential.clone(), clock.clone()),
            credential,
            clock,
            request: TokenRequest::new("scope/.default", None),
        }
    }

    async fn get(&self) -> Result<String> {
        let secret = self.cache.get(&self.request).await?;
        Ok(secret.expose().to_owned())
    }

    fn calls(&self) -> usize {
        self.credential.calls.load(Ordering::SeqCst)
    }
}

fn start() -> OffsetDateTime {
    ManualClock::default().now()
}

fn token(text: &str, life: Duration) -> Result<AccessToken> {
    Ok(AccessToken::new(text, Some(start() + life)))
}

fn failure(text: &str) -> Result<AccessToken> {
    Err(Error::new(ErrorKind::Auth, Step::AcquireToken, text))
}

/// Lets every task that can run do so.
async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn callers_at_the_same_time_share_one_question() {
    let bench = Bench::new([token("a", Duration::HOUR)], 0);
    let open = async { bench.credential.gate.add_permits(1) };
    let (one, two, three, ()) = tokio::join!(bench.get(), bench.get(), bench.get(), open);
    assert_eq!(
        [one.unwrap(), two.unwrap(), three.unwrap()],
        ["a", "a", "a"]
    );
    assert_eq!(bench.get().await.unwrap(), "a");
    assert_eq!(bench.calls(), 1);
}

#[tokio::test]
async fn a_cancelled_caller_does_not_cancel_the_question() {
    let bench = Bench::new([token("a", Duration::HOUR)], 0);
    tokio::select! {
        biased;
        _ = bench.get() => unreachable!("the gate is closed"),
        () = settle() => {}
    }
    assert_eq!(bench.calls(), 1);
    bench.credential.gate.add_permits(1);
    assert_eq!(bench.get().await.unwrap(), "a");
    assert_eq!(bench.calls(), 1);
}

#[tokio::test]
async fn a_token_is_renewed_ahead_of_time_while_the_old_one_is_used() {
    let bench = Bench::new(
        [
            token("old", Duration::HOUR),
            token("new", Duration::HOUR * 2),
        ],
        1,
    );
    assert_eq!(bench.get().await.unwrap(), "old");
    bench.clock.advance(Duration::minutes(54));
    assert_eq!(bench.get().await.unwrap(), "old");
    settle().await;
    assert_eq!(bench.calls(), 1);
    bench.clock.advance(Duration::minutes(2));
    assert_eq!(bench.get().await.unwrap(), "old");
    assert_eq!(bench.get().await.unwrap(), "old");
    bench.credential.gate.add_permits(1);
    settle().await;
    assert_eq!(bench.get().await.unwrap(), "new");
    assert_eq!(bench.calls(), 2);
}

#[tokio::test]
async fn a_short_life_is_used_to_four_fifths() {
    let life = Duration::minutes(10);
    let bench = Bench::new([token("old", life), token("new", life * 2)], 2);
    assert_eq!(bench.get().await.unwrap(), "old");
    bench.clock.advance(Duration::minutes(7));
    assert_eq!(bench.get().await.unwrap(), "old");
    settle().await;
    assert_eq!(bench.calls(), 1);
    bench.clock.advance(Duration::minutes(1));
    assert_eq!(bench.get().await.unwrap(), "old");
    settle().await;
    assert_eq!(bench.get().await.unwrap(), "new");
}

#[tokio::test]
async fn the_old_token_outlives_failed_renewals_and_no_failure_is_kept() {
    let bench = Bench::new(
        [
            token("old", Duration::HOUR),
            failure("first"),
            failure("second"),
            failure("third"),
            token("new", Duration::HOUR * 3),
        ],
        5,
    );
    assert_eq!(bench.get().await.unwrap(), "old");
    bench.clock.advance(Duration::minutes(56));
    assert_eq!(bench.get().await.unwrap(), "old");
    settle().await;
    // The credential is not asked again with every call while the old token is good.
    assert_eq!(bench.get().await.unwrap(), "old");
    settle().await;
    assert_eq!(bench.calls(), 2);
    bench.clock.advance(Duration::seconds(31));
    assert_eq!(bench.get().await.unwrap(), "old");
    settle().await;
    assert_eq!(bench.calls(), 3);
    // The old token has expired: now the failure is the caller's, but only this caller's.
    bench.clock.advance(Duration::minutes(5));
    assert_eq!(bench.get().await.unwrap_err().message(), "third");
    assert_eq!(bench.get().await.unwrap(), "new");
}

#[tokio::test]
async fn a_token_without_expiry_is_asked_for_each_time() {
    let answers = ["a", "b"].map(|text| Ok(AccessToken::new(text, None)));
    let bench = Bench::new(answers, 2);
    assert_eq!(bench.get().await.unwrap(), "a");
    assert_eq!(bench.get().await.unwrap(), "b");
}

#[tokio::test]
async fn a_refused_token_is_forgotten_and_another_one_is_not() {
    let bench = Bench::new([token("a", Duration::HOUR), token("b", Duration::HOUR)], 2);
    assert_eq!(bench.get().await.unwrap(), "a");
    bench.cache.invalidate(&Secret::from("other"));
    assert_eq!(bench.get().await.unwrap(), "a");
    bench.cache.invalidate(&Secret::from("a"));
    assert_eq!(bench.get().await.unwrap(), "b");
}

#[tokio::test]
async fn scope_and_tenant_have_tokens_of_their_own() {
    let answers = ["a", "b", "c"].map(|text| token(text, Duration::HOUR));
    let bench = Bench::new(answers, 3);
    let requests = [
        TokenRequest::new("s1", None),
        TokenRequest::new("s2", None),
        TokenRequest::new("s1", Some("t".to_owned())),
    ];
    for _ in 0..2 {
        for (request, expected) in requests.iter().zip(["a", "b", "c"]) {
            let secret = bench.cache.get(request).await.unwrap();
            assert_eq!(secret.expose(), expected);
        }
    }
}

#[tokio::test]
async fn an_invalid_token_is_rejected() {
    for wrong in ["", "  ", "a b", "a\r\nx-evil: 1", "tökén"] {
        let bench = Bench::new([Ok(AccessToken::new(wrong, None))], 1);
        let error = bench.get().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Auth);
        assert!(wrong.trim().is_empty() || !error.to_string().contains(wrong));
    }
}

#[tokio::test]
async fn dropping_the_cache_ends_the_question_and_lets_go_of_the_credential() {
    let bench = Bench::new([], 0);
    tokio::select! {
        biased;
        _ = bench.get() => unreachable!("the gate is closed"),
        () = settle() => {}
    }
    drop(bench.cache);
    settle().await;
    assert_eq!(Arc::strong_count(&bench.credential), 1);
}

#[derive(Debug)]
struct Panics(AtomicUsize);

#[async_trait]
impl TokenCredential for Panics {
    async fn get_token(&self, _request: &TokenRequest) -> Result<AccessToken> {
        match self.0.fetch_add(1, Ordering::SeqCst) {
            0 => panic!("a defect of the caller's credential"),
            _ => token("a", Duration::HOUR),
        }
    }
}

#[tokio::test]
async fn a_credential_that_panics_fails_the_call_and_is_asked_again() {
    let cache = TokenCache::with_clock(
        Arc::new(Panics(AtomicUsize::new(0))),
        Arc::new(ManualClock::default()),
    );
    let request = TokenRequest::new("s", None);
    let error = cache.get(&request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert_eq!(cache.get(&request).await.unwrap().expose(), "a");
}

#[tokio::test]
async fn a_token_that_no_header_can_hold_is_refused() {
    let longest = "t".repeat(64 * 1024);
    let longer = format!("{longest}t");
    let answers = [&longer, &longest].map(|text| token(text, Duration::HOUR));
    let bench = Bench::new(answers, 2);
    let error = bench.get().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert!(error.message().contains("64 KiB"), "{error}");
}

#[tokio::test]
async fn an_issuer_that_wants_renewals_at_once_is_not_asked_all_the_time() {
    let soon = |text: &str| {
        let token = token(text, Duration::HOUR)?;
        Ok(token.with_refresh_on(start() + Duration::SECOND))
    };
    let bench = Bench::new([soon("a"), soon("b"), soon("c")], 3);
    assert_eq!(bench.get().await.unwrap(), "a");
    bench.clock.advance(Duration::seconds(2));
    for (calls, pause) in [(2, 0), (2, 10), (2, 10), (3, 11), (3, 0)] {
        bench.clock.advance(Duration::seconds(pause));
        bench.get().await.unwrap();
        settle().await;
        assert_eq!(bench.calls(), calls);
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_of_unknown_end_there_is_a_pause() {
    let unknown = failure("hung").map_err(|error| error.with_retry(RetryClass::Unknown));
    let bench = Bench::new([unknown, token("a", Duration::HOUR)], 2);
    let begun = Instant::now();
    bench.get().await.unwrap_err();
    assert_eq!(bench.get().await.unwrap(), "a");
    assert!(begun.elapsed() >= COOL_DOWN);
}

/// Never ends, and says how often it was asked and dropped.
#[derive(Debug)]
struct Endless {
    asks_user: bool,
    asked: tokio::sync::watch::Sender<usize>,
    dropped: Arc<AtomicUsize>,
}

struct Guard(Arc<AtomicUsize>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl TokenCredential for Endless {
    async fn get_token(&self, request: &TokenRequest) -> Result<AccessToken> {
        let _guard = Guard(self.dropped.clone());
        let _asks = self.asks_user.then(|| request.asks_user());
        self.asked.send_modify(|asked| *asked += 1);
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_is_given_up_ten_seconds_after_the_last_has_left() {
    let dropped = Arc::<AtomicUsize>::default();
    let asked = tokio::sync::watch::Sender::new(0);
    let credential = Endless {
        asks_user: true,
        asked: asked.clone(),
        dropped: dropped.clone(),
    };
    let cache = TokenCache::new(Arc::new(credential));
    let request = TokenRequest::new("s", None);
    let waits = async |seconds: u64| {
        let limit = std::time::Duration::from_secs(seconds);
        tokio::time::timeout(limit, cache.get(&request))
            .await
            .is_err()
    };
    let sleep = async |millis: u64| {
        tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
    };
    assert!(waits(30).await);
    sleep(9_900).await;
    // Another one comes, and the first login goes on.
    assert!(waits(60).await);
    assert_eq!((*asked.borrow(), dropped.load(Ordering::SeqCst)), (1, 0));
    sleep(9_900).await;
    assert_eq!(dropped.load(Ordering::SeqCst), 0);
    sleep(200).await;
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
    // The next call begins another one.
    assert!(waits(1).await);
    assert_eq!(*asked.borrow(), 2);
}

/// A callback would be called while it still owes an answer, and a password sent again.
#[tokio::test(start_paused = true)]
async fn what_asks_no_user_goes_on_when_nobody_waits() {
    let dropped = Arc::<AtomicUsize>::default();
    let asked = tokio::sync::watch::Sender::new(0);
    let credential = Endless {
        asks_user: false,
        asked: asked.clone(),
        dropped: dropped.clone(),
    };
    let cache = TokenCache::new(Arc::new(credential));
    let request = TokenRequest::new("s", None);
    for _ in 0..2 {
        let limit = std::time::Duration::from_secs(1);
        let call = tokio::time::timeout(limit, cache.get(&request)).await;
        assert!(call.is_err());
        tokio::time::sleep(ABANDONED_AFTER * 6).await;
    }
    assert_eq!((*asked.borrow(), dropped.load(Ordering::SeqCst)), (1, 0));
}

/// Gives a token that is to be renewed at once, and says of each request whether it might ask the user.
#[derive(Debug, Default)]
struct Asker(Mutex<Vec<bool>>);

#[async_trait]
impl TokenCredential for Asker {
    async fn get_token(&self, request: &TokenRequest) -> Result<AccessToken> {
        self.0.lock().unwrap().push(request.is_silent());
        let token = AccessToken::new("a", Some(start() + Duration::HOUR));
        Ok(token.with_refresh_on(start()))
    }
}

#[tokio::test]
async fn a_renewal_ahead_of_time_must_not_ask_the_user_and_a_call_may() {
    let asker = Arc::<Asker>::default();
    let clock = Arc::new(ManualClock::default());
    let cache = TokenCache::with_clock(asker.clone(), clock);
    let request = TokenRequest::new("s", None);
    for _ in 0..2 {
        cache.get(&request).await.unwrap();
        settle().await;
    }
    assert_eq!(*asker.0.lock().unwrap(), [false, true]);
}
