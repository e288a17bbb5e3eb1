//! Calls to hosts that somebody named: a canary on loopback that must never be reached, by any
//! spelling of an address, any answer of a name server, any redirect.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Result;
use axum::http::{HeaderMap, Method};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use shared::outbound::{Ask, Limits, Outbound, Reach, Refusal};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Listens on both loopbacks, counts who comes, and says to each what it was made to say.
struct Canary {
    port: u16,
    visits: Arc<AtomicUsize>,
}

impl Canary {
    async fn saying(answer: impl Into<String>) -> Result<Self> {
        let answer: Arc<str> = answer.into().into();
        let visits = Arc::new(AtomicUsize::new(0));
        let four = TcpListener::bind("127.0.0.1:0").await?;
        let port = four.local_addr()?.port();
        let mut listeners = vec![four];
        listeners.extend(TcpListener::bind(("::1", port)).await);
        for listener in listeners {
            let (answer, visits) = (answer.clone(), visits.clone());
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    visits.fetch_add(1, Ordering::SeqCst);
                    tokio::spawn(say(stream, answer.clone()));
                }
            });
        }
        Ok(Self { port, visits })
    }

    fn visits(&self) -> usize {
        self.visits.load(Ordering::SeqCst)
    }
}

async fn say(mut stream: TcpStream, answer: Arc<str>) {
    let mut request = [0; 4096];
    let _ = stream.read(&mut request).await;
    let _ = stream.write_all(answer.as_bytes()).await;
}

/// A name server of a test's own: each name has a list of answers, of which the last stays.
#[derive(Default)]
struct Names(Mutex<BTreeMap<String, Vec<Vec<IpAddr>>>>);

impl Names {
    fn of(names: &[(&str, &[&[&str]])]) -> Arc<Self> {
        let parsed = |answer: &&[&str]| answer.iter().map(|a| a.parse().unwrap()).collect();
        let names = names.iter().map(|(name, answers)| {
            ((*name).to_owned(), answers.iter().map(parsed).collect::<Vec<Vec<IpAddr>>>())
        });
        Arc::new(Self(Mutex::new(names.collect())))
    }
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let mut names = self.0.lock().unwrap();
        let answer = names
            .get_mut(name.as_str())
            .map(|answers| if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() });
        Box::pin(async move {
            let Some(answer) = answer else { return Err("no such name".into()) };
            let addresses: Vec<_> = answer.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect();
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// Lets everything by but the address: the port and the missing TLS are no help to it.
fn only_the_address_stands(canary: &Canary) -> Reach {
    Reach { ports: vec![canary.port], plain: true, also: vec![] }
}

fn quick() -> Limits {
    Limits { bytes: 64 * 1024, time: Duration::from_secs(2) }
}

fn get(url: String) -> Ask {
    Ask { method: Method::GET, url, headers: HeaderMap::new(), body: vec![] }
}

#[tokio::test]
async fn p7_no_spelling_of_an_inside_address_reaches_the_canary() -> Result<()> {
    let canary = Canary::saying("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await?;
    let client = Outbound::with(only_the_address_stands(&canary), quick(), Names::of(&[]))?;
    let port = canary.port;
    let hosts = [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "0x7f.0x0.0x0.0x1",
        "127.0.0.1.",
        "0.0.0.0",
        "0",
        "127.255.255.254",
        "[::1]",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fd00:ec2::254]",
        "169.254.169.254",
        "0xa9fea9fe",
        "2852039166",
        "169.254.43518",
        "[fe80::1]",
        "①②⑦.⓪.⓪.①",
        "127。0。0。1",
        "%31%32%37.0.0.1",
        "10.0.0.1",
        "192.168.0.1",
        "172.17.0.1",
        "100.100.100.200",
    ];
    let mut tried = 0;
    for host in hosts {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{host}:{port}/");
            let refused = client.send(get(url.clone())).await.unwrap_err();
            assert!([Refusal::NotPublic, Refusal::Address].contains(&refused), "{url}: {refused}");
            tried += 1;
        }
    }
    assert_eq!(canary.visits(), 0);
    tests::tell(&format!("P7: {tried} spellings, 0 connections"));
    Ok(())
}

#[tokio::test]
async fn p7_schemes_ports_and_names_in_the_address_are_refused() -> Result<()> {
    let canary = Canary::saying("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await?;
    let names = Names::of(&[("evil.test", &[&["127.0.0.1"]]), ("good.test", &[&["1.1.1.1"]])]);
    let client = Outbound::with(Reach::default(), quick(), names)?;
    let port = canary.port;
    for (url, expected) in [
        ("file:///etc/passwd".to_owned(), Refusal::Address),
        ("gopher://good.test/_x".into(), Refusal::Address),
        ("ftp://good.test/".into(), Refusal::Address),
        ("data:text/plain,x".into(), Refusal::Address),
        ("unix:/run/x.sock".into(), Refusal::Address),
        ("http://good.test/".into(), Refusal::Address),
        ("//good.test/".into(), Refusal::Address),
        ("good.test".into(), Refusal::Address),
        ("https://".into(), Refusal::Address),
        (format!("https://good.test/{}", "a".repeat(3_000)), Refusal::Address),
        ("https://user@good.test/".into(), Refusal::Userinfo),
        ("https://good.test:x@evil.test/".into(), Refusal::Userinfo),
        (format!("https://good.test@127.0.0.1:{port}/"), Refusal::Userinfo),
        ("https://good.test:22/".into(), Refusal::Port),
        ("https://good.test:6379/".into(), Refusal::Port),
        (format!("https://127.0.0.1:{port}/"), Refusal::Port),
        ("https://127.0.0.1/".into(), Refusal::NotPublic),
        ("https://evil.test/".into(), Refusal::NotPublic),
        ("https://good.test\\@127.0.0.1/".into(), Refusal::Failed),
        ("https://nobody.test/".into(), Refusal::Failed),
    ] {
        // The one that is a good address leads to 1.1.1.1 and must not be called from a test.
        if expected == Refusal::Failed && url.contains("good") {
            continue;
        }
        assert_eq!(client.send(get(url.clone())).await.unwrap_err(), expected, "{url}");
    }
    assert_eq!(canary.visits(), 0);
    Ok(())
}

#[tokio::test]
async fn p7_a_name_that_leads_inside_now_or_at_the_second_look_is_refused() -> Result<()> {
    let canary = Canary::saying("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await?;
    let names = Names::of(&[
        ("inside.test", &[&["127.0.0.1"]]),
        ("inside6.test", &[&["::1"]]),
        ("mapped.test", &[&["::ffff:127.0.0.1"]]),
        ("both.test", &[&["93.184.216.34", "127.0.0.1"]]),
        ("nobody.test", &[&[]]),
        ("metadata.test", &[&["169.254.169.254"]]),
        ("localhost", &[&["127.0.0.1"]]),
        // Rebinding: what a check of its own would see first, and what the connection then uses.
        ("rebinding.test", &[&["::ffff:1.1.1.1"], &["127.0.0.1"]]),
    ]);
    let client = Outbound::with(only_the_address_stands(&canary), quick(), names)?;
    for name in [
        "inside.test",
        "inside6.test",
        "mapped.test",
        "both.test",
        "nobody.test",
        "metadata.test",
        "localhost",
        "rebinding.test",
        "rebinding.test",
        "rebinding.test",
    ] {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{name}:{}/", canary.port);
            assert_eq!(
                client.send(get(url.clone())).await.unwrap_err(),
                Refusal::NotPublic,
                "{url}"
            );
        }
    }
    assert_eq!(canary.visits(), 0);
    Ok(())
}

/// What is checked is what is connected to: there is one look-up to a call, and no second one.
#[tokio::test]
async fn p7_a_call_asks_for_a_name_once() -> Result<()> {
    let inside = Canary::saying("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await?;
    let names = Names::of(&[("turns.test", &[&["127.0.0.9"], &["127.0.0.1"]])]);
    // Nobody listens on 127.0.0.9, which is within this reach; 127.0.0.1 is not.
    let reach = Reach { also: vec!["127.0.0.9".parse()?], ..only_the_address_stands(&inside) };
    let client = Outbound::with(reach, quick(), names)?;
    let url = format!("http://turns.test:{}/", inside.port);
    assert_eq!(client.send(get(url.clone())).await.unwrap_err(), Refusal::Failed);
    assert_eq!(client.send(get(url)).await.unwrap_err(), Refusal::NotPublic);
    assert_eq!(inside.visits(), 0);
    Ok(())
}

#[tokio::test]
async fn p7_a_redirect_is_checked_like_the_first_address_and_stays_with_its_host() -> Result<()> {
    let inside = Canary::saying("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await?;
    for to in [
        format!("http://127.0.0.1:{}/", inside.port),
        format!("http://[::1]:{}/", inside.port),
        format!("http://inside.test:{}/", inside.port),
        format!("//127.0.0.1:{}/", inside.port),
        "http://169.254.169.254/latest/meta-data/".into(),
        "https://good.test/".into(),
        "file:///etc/passwd".into(),
        "/again".into(),
        String::new(),
    ] {
        let answer = format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
        let good = Canary::saying(answer).await?;
        let names =
            Names::of(&[("good.test", &[&["127.0.0.7"]]), ("inside.test", &[&["127.0.0.1"]])]);
        // Reached by its name only; by then the address must be another than the canary's.
        let listener = TcpListener::bind(("127.0.0.7", good.port)).await?;
        let passing = format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
        let passing: Arc<str> = passing.into();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(say(stream, passing.clone()));
            }
        });
        let reach = Reach {
            ports: vec![good.port, inside.port, 80, 443],
            plain: true,
            also: vec!["127.0.0.7".parse()?],
        };
        let client = Outbound::with(reach, quick(), names)?;
        let refused = client.send(get(format!("http://good.test:{}/", good.port))).await;
        let refused = refused.unwrap_err();
        let expected = [Refusal::Redirect, Refusal::NotPublic, Refusal::Address];
        assert!(expected.contains(&refused), "{to}: {refused}");
    }
    assert_eq!(inside.visits(), 0);
    Ok(())
}

/// P10: whatever a host says, the answer is whole and within bounds, or one of our refusals.
#[tokio::test]
async fn p10_a_host_that_says_too_much_too_slowly_or_nonsense_gives_a_typed_refusal() -> Result<()>
{
    let head = "HTTP/1.1 200 OK\r\n";
    for (answer, expected) in [
        (format!("{head}content-length: 5\r\n\r\nhello"), None),
        (format!("{head}content-length: 100000000\r\n\r\n"), Some(Refusal::TooLarge)),
        (format!("{head}\r\n{}", "a".repeat(200_000)), Some(Refusal::TooLarge)),
        (
            format!("{head}content-encoding: gzip\r\ncontent-length: 1\r\n\r\nx"),
            Some(Refusal::Encoded),
        ),
        (format!("{head}content-length: 10\r\n\r\nshort"), Some(Refusal::Failed)),
        (format!("{head}transfer-encoding: chunked\r\n\r\nzz\r\n"), Some(Refusal::Failed)),
        (format!("{head}x: {}\r\n\r\n", "h".repeat(1_000_000)), Some(Refusal::Failed)),
        ("SSH-2.0-OpenSSH\r\n".into(), Some(Refusal::Failed)),
        (String::new(), Some(Refusal::Failed)),
    ] {
        let host = Canary::saying(answer.clone()).await?;
        let reach = Reach { also: vec!["127.0.0.1".parse()?], ..only_the_address_stands(&host) };
        let client = Outbound::with(reach, quick(), Names::of(&[]))?;
        let got = client.send(get(format!("http://127.0.0.1:{}/", host.port))).await;
        let shown = answer.chars().take(60).collect::<String>();
        assert_eq!(got.as_ref().err().copied(), expected, "{shown:?}");
        assert!(host.visits() >= 1);
        if let Ok(answer) = got {
            assert_eq!(answer.body, b"hello");
        }
    }
    Ok(())
}

#[tokio::test]
async fn p10_a_host_that_drips_is_given_up_in_time() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        loop {
            tokio::time::sleep(Duration::from_millis(50)).await;
            if stream.write_all(b"a").await.is_err() {
                return;
            }
        }
    });
    let reach = Reach { ports: vec![port], plain: true, also: vec!["127.0.0.1".parse()?] };
    let limits = Limits { time: Duration::from_millis(400), ..quick() };
    let client = Outbound::with(reach, limits, Names::of(&[]))?;
    let since = std::time::Instant::now();
    let got = client.send(get(format!("http://127.0.0.1:{port}/"))).await;
    assert_eq!(got.unwrap_err(), Refusal::Slow);
    assert!(since.elapsed() < Duration::from_secs(2));
    Ok(())
}

#[test]
fn p7_a_refusal_names_no_address_of_ours() {
    for refusal in [Refusal::NotPublic, Refusal::Failed, Refusal::Redirect, Refusal::Slow] {
        let text = refusal.to_string();
        assert!(!text.contains(|c: char| c.is_ascii_digit()), "{text}");
    }
}
