use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::http::proxy::Proxies;
use crate::http::tls::Tls;

/// A host that accepts connections and keeps them open until the other side closes them.
struct Host {
    url: Url,
    accepted: Arc<AtomicUsize>,
    /// The most that were open at once.
    most: Arc<AtomicUsize>,
}

impl Host {
    async fn start() -> Host {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/x?sig=1", listener.local_addr().unwrap());
        let (accepted, most) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (count, highest) = (accepted.clone(), most.clone());
        tokio::spawn(async move {
            let open = Arc::<AtomicUsize>::default();
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let now = open.fetch_add(1, Ordering::SeqCst) + 1;
                highest.fetch_max(now, Ordering::SeqCst);
                tokio::spawn(until_closed(stream, open.clone()));
            }
        });
        Host {
            url: url.parse().unwrap(),
            accepted,
            most,
        }
    }

    fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

async fn until_closed(mut stream: TcpStream, open: Arc<AtomicUsize>) {
    let _ = stream.read(&mut [0; 64]).await;
    open.fetch_sub(1, Ordering::SeqCst);
}

fn pool(bound: usize) -> Pool {
    let tls = Tls::new(b"").unwrap();
    Pool::new(Connector::new(tls, Arc::new(Proxies::default())), bound)
}

/// Whether the connection that such a request has now was used before.
async fn uses_again(pool: &Pool, host: &Host, once: bool) -> bool {
    let lease = pool.take(&host.url, once).await.unwrap();
    let is_used = lease.is_used;
    lease.keep();
    is_used
}

/// Lets this time pass for the pool's clock alone.
async fn rest(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn an_ordinary_request_uses_a_connection_again_at_once() {
    let (pool, host, other) = (pool(8), Host::start().await, Host::start().await);
    assert!(!uses_again(&pool, &host, false).await);
    assert!(uses_again(&pool, &host, false).await);
    assert!(!uses_again(&pool, &other, false).await);
    assert!(!uses_again(&pool, &host, true).await, "it is not for these");
    let dropped = pool.take(&host.url, false).await.unwrap();
    drop(dropped);
    assert!(!uses_again(&pool, &host, false).await);
}

#[tokio::test]
async fn a_request_that_must_not_be_carried_out_twice_has_one_that_rested() {
    let (pool, host) = (pool(8), Host::start().await);
    assert!(!uses_again(&pool, &host, true).await);
    rest(QUIET).await;
    assert!(uses_again(&pool, &host, true).await);
    rest(FRESH).await;
    assert!(!uses_again(&pool, &host, true).await);
    pool.unanswered(&host.url);
    rest(QUIET).await;
    assert!(!uses_again(&pool, &host, true).await);
    assert!(!uses_again(&pool, &host, false).await);
    assert!(uses_again(&pool, &host, false).await, "ordinary ones go on");
    rest(DISTRUST).await;
    assert!(!uses_again(&pool, &host, true).await);
    rest(QUIET).await;
    assert!(uses_again(&pool, &host, true).await, "it is trusted again");
}

#[tokio::test]
async fn what_is_cleared_is_not_used_again_even_when_it_was_in_use() {
    let (pool, host) = (pool(8), Host::start().await);
    let in_use = pool.take(&host.url, false).await.unwrap();
    assert!(!uses_again(&pool, &host, false).await);
    pool.clear();
    in_use.keep();
    assert!(!uses_again(&pool, &host, false).await);
    assert!(uses_again(&pool, &host, false).await, "later ones are");
}

#[tokio::test]
async fn a_connection_that_the_server_ends_is_not_used_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let url = url.parse().unwrap();
    let pool = pool(8);
    let taking = pool.take(&url, false);
    let (lease, accepted) = tokio::join!(taking, listener.accept());
    let mut lease = lease.unwrap();
    assert!(lease.connection.is_open());
    drop(accepted);
    while lease.connection.is_open() {
        tokio::task::yield_now().await;
    }
    lease.keep();
    let (again, _accepted) = tokio::join!(pool.take(&url, false), listener.accept());
    assert!(!again.unwrap().is_used);
}

#[tokio::test]
async fn a_host_has_no_more_connections_than_its_bound() {
    const BOUND: usize = 3;
    let (pool, host) = (Arc::new(pool(BOUND)), Host::start().await);
    let mut callers = tokio::task::JoinSet::new();
    for number in 0..64 {
        let (pool, url) = (pool.clone(), host.url.clone());
        callers.spawn(async move {
            let lease = pool.take(&url, false).await.unwrap();
            // Others come meanwhile.
            for _ in 0..number % 5 {
                tokio::task::yield_now().await;
            }
            lease.keep();
        });
    }
    while let Some(ended) = callers.join_next().await {
        ended.unwrap();
    }
    assert!(host.most.load(Ordering::SeqCst) <= BOUND);
    assert!(host.accepted() <= BOUND, "{}", host.accepted());
    // One for another kind of request takes the place of one that rests.
    for _ in 0..10 {
        uses_again(&pool, &host, true).await;
        uses_again(&pool, &host, false).await;
    }
    let resting = pool.shared.host(&host.url);
    let state = lock(&resting.state);
    assert!(state.resting.len() + state.quiet.len() <= BOUND);
}

#[tokio::test]
async fn what_nobody_uses_is_closed() {
    let (pool, host) = (pool(8), Host::start().await);
    uses_again(&pool, &host, false).await;
    uses_again(&pool, &host, true).await;
    assert!(pool.shared.sweep());
    rest(FRESH).await;
    assert!(pool.shared.sweep(), "the ordinary one rests on");
    rest(IDLE).await;
    assert!(!pool.shared.sweep());
    assert!(lock(&pool.shared.hosts).is_empty());
}

/// On the thread that runs a call by itself nobody else notices an end.
#[cfg(unix)]
#[test]
fn a_thread_that_waits_by_itself_sees_what_the_server_has_ended() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url: Url = format!("http://{}/", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let pool = pool(8);
    let call = async move {
        pool.take(&url, false).await.unwrap().keep();
        let (accepted, _) = listener.accept().unwrap();
        let mut lease = pool.take(&url, false).await.unwrap();
        assert!(lease.is_used && lease.connection.is_open());
        drop(accepted);
        while lease.connection.is_open() {
            std::thread::yield_now();
        }
        lease.keep();
        Ok(pool.take(&url, false).await.unwrap().is_used)
    };
    assert!(!crate::op::run_here(runtime.handle(), call).unwrap());
}
