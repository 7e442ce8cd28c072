use super::*;

struct Bench {
    state: Random,
    address: String,
    port: u16,
}

async fn open() -> (Listener, Bench) {
    let state = Random::new().unwrap();
    let listener = Listener::open(state.clone()).await.unwrap();
    let bench = Bench {
        state,
        address: listener.address(),
        port: listener.port,
    };
    (listener, bench)
}

impl Bench {
    /// Sends this and gives the status and the rest of the answer.
    async fn send(&self, text: &str) -> String {
        self.send_bytes(text.as_bytes()).await
    }

    async fn send_bytes(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))
            .await
            .unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn get(&self, target: &str) -> String {
        let host = self.address.trim_start_matches("http://");
        self.send(&format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"))
            .await
    }

    async fn post(&self, form: &str) -> String {
        let host = self.address.trim_start_matches("http://");
        let length = form.len();
        let head = format!("POST / HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n\r\n");
        self.send(&format!("{head}{form}")).await
    }
}

#[tokio::test]
async fn the_answer_comes_as_a_form_or_in_the_query() {
    for is_form in [true, false] {
        let (listener, bench) = open().await;
        let fields = format!("code=the%2Dcode&state={}", bench.state.text());
        let asking = async {
            match is_form {
                true => bench.post(&fields).await,
                false => bench.get(&format!("/?{fields}")).await,
            }
        };
        let (returned, page) = tokio::join!(listener.returned(), asking);
        let Ok(Returned::Code(code)) = returned else {
            panic!("no code");
        };
        assert_eq!(code.expose(), "the-code");
        assert!(page.starts_with("HTTP/1.1 200 OK"), "{page}");
        assert!(page.contains("you may close") || page.contains("You may close"));
        assert!(
            page.contains("no-store") && !page.contains("<script"),
            "{page}"
        );
        assert!(!page.contains("the-code"));
    }
}

/// Two tabs, another program, or somebody else's page: nothing of it ends the login.
#[tokio::test]
async fn any_other_answer_is_refused_and_changes_nothing() {
    let (listener, bench) = open().await;
    let state = bench.state.text().to_owned();
    let asking = async {
        for (target, status) in [
            ("/".to_owned(), "400"),
            ("/?code=c".to_owned(), "400"),
            ("/?code=c&state=wrong".to_owned(), "400"),
            (format!("/?state={state}"), "400"),
            ("/favicon.ico".to_owned(), "404"),
        ] {
            let answer = bench.get(&target).await;
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status} ")),
                "{target}: {answer}"
            );
        }
        for text in [
            format!("GET /?code=c&state={state} HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
            "PUT / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\n\r\n".to_owned(),
            "POST / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
            "\r\n\r\n".to_owned(),
        ] {
            let answer = bench.send(&text).await;
            assert!(answer.starts_with("HTTP/1.1 400 "), "{text}: {answer}");
        }
        // A connection that a browser has opened in advance.
        let _idle = TcpStream::connect((Ipv4Addr::LOCALHOST, bench.port))
            .await
            .unwrap();
        bench.post(&format!("state={state}&code=right")).await
    };
    let (returned, page) = tokio::join!(listener.returned(), asking);
    assert!(matches!(returned, Ok(Returned::Code(code)) if code.expose() == "right"));
    assert!(page.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_refusal_of_the_login_host_ends_it() {
    let (listener, bench) = open().await;
    let form = format!(
        "error=access_denied&error_description=AADSTS65004%3A+no&state={}",
        bench.state.text()
    );
    let (returned, _) = tokio::join!(listener.returned(), bench.post(&form));
    let Ok(Returned::Refused { error, text }) = returned else {
        panic!("no refusal");
    };
    assert_eq!(error, "access_denied");
    assert_eq!(text.unwrap(), "AADSTS65004: no");
}

#[tokio::test]
async fn it_is_closed_when_the_login_is_given_up() {
    let (listener, bench) = open().await;
    let limit = Duration::from_millis(20);
    let left = tokio::time::timeout(limit, async move { listener.returned().await.is_ok() });
    assert!(left.await.is_err());
    let again = TcpStream::connect((Ipv4Addr::LOCALHOST, bench.port)).await;
    assert!(again.is_err());
}

/// Two logins at once have a port each.
#[tokio::test]
async fn two_logins_have_two_ports() {
    let ((_one, first), (_two, second)) = (open().await, open().await);
    assert_ne!(first.port, second.port);
}

/// The browser may be late, and the machine out of descriptors meanwhile.
#[cfg(target_os = "linux")]
#[tokio::test(start_paused = true)]
async fn connections_that_cannot_be_taken_do_not_end_it() {
    let (mut listener, bench) = open().await;
    let broken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let socket = socket2::SockRef::from(&broken);
    socket.shutdown(std::net::Shutdown::Both).unwrap();
    // `accept` on it fails, again and again.
    listener.v6 = Some(std::mem::replace(&mut listener.v4, broken));
    let minute = Duration::from_secs(60);
    let early = tokio::time::timeout(minute, listener.returned()).await;
    assert!(early.is_err());
    tokio::time::resume();
    let form = format!("state={}&code=right", bench.state.text());
    let (returned, _) = tokio::join!(listener.returned(), bench.post(&form));
    assert!(matches!(returned, Ok(Returned::Code(code)) if code.expose() == "right"));
}

/// A cookie of another program on this machine, in an encoding of its own.
#[tokio::test]
async fn what_is_not_read_may_be_any_bytes() {
    let (listener, bench) = open().await;
    let target = format!("/?code=right&state={}", bench.state.text());
    let host = bench.address.trim_start_matches("http://").to_owned();
    let text = format!("GET {target} HTTP/1.1\r\nCookie: a=");
    let rest = format!("\r\nHost: {host}\r\n\r\n");
    let request = [text.as_bytes(), &[0xFC, 0xFF], rest.as_bytes()].concat();
    let (returned, page) = tokio::join!(listener.returned(), bench.send_bytes(&request));
    assert!(matches!(returned, Ok(Returned::Code(code)) if code.expose() == "right"));
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
}
