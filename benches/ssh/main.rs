//! The floor that `scripts/bench-ssh` measures the program against: russh alone. It connects to every host at once,
//! as far as told, runs the same texts there and waits for their ends. It parses, records and decides nothing.
//!
//! ```text
//! cargo bench --bench ssh -- HOSTS TEXTS KEY KNOWN_HOSTS
//! ```
//!
//! `HOSTS` is a file with an address a line. `TEXTS` is a file with a text a line; a blank line stands between texts
//! that wait for those before it. It prints how many texts ended, and at how many hosts.

#![allow(
    missing_docs,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "it measures, and ends where it cannot"
)]

use russh::keys::{Algorithm, PrivateKey, PrivateKeyWithHashAlg, PublicKeyOrCertificate};
use russh::{ChannelMsg, Preferred, client};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// As many hosts, and as many texts at one host, as the program works on at a time.
const HOSTS: usize = 64;
const SESSIONS: usize = 8;

struct Known(Arc<BTreeSet<String>>, String);

impl client::Handler for Known {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        let key = key.public_key().to_openssh().expect("a key");
        let words: Vec<&str> = key.split(' ').take(2).collect();
        Ok(self.0.contains(&format!("{} {}", self.1, words.join(" "))))
    }
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [hosts, texts, key, known] = arguments.as_slice() else {
        // `cargo bench` runs every target.
        eprintln!("run by scripts/bench-ssh");
        return;
    };
    let read = |file: &str| std::fs::read_to_string(file).expect(file);
    let key = Arc::new(PrivateKey::from_openssh(read(key)).expect("a private key"));
    let known: Arc<BTreeSet<String>> = Arc::new(read(known).lines().map(str::to_owned).collect());
    let levels: Vec<Vec<String>> =
        read(texts).split("\n\n").map(|level| level.lines().map(str::to_owned).collect()).collect();
    let levels = Arc::new(levels);
    let places = Arc::new(Semaphore::new(HOSTS));
    let mut looks = JoinSet::new();
    for host in read(hosts).lines() {
        let (host, key, known, levels) = (host.to_owned(), key.clone(), known.clone(), levels.clone());
        let places = places.clone();
        looks.spawn(async move {
            let _place = places.acquire().await;
            let look = look(&host, key, known, &levels);
            tokio::time::timeout(Duration::from_secs(10), look).await.unwrap_or_default()
        });
    }
    let ended = looks.join_all().await;
    println!(
        "{} texts, {} hosts",
        ended.iter().sum::<usize>(),
        ended.iter().filter(|texts| **texts > 0).count()
    );
}

async fn look(
    host: &str,
    key: Arc<PrivateKey>,
    known: Arc<BTreeSet<String>>,
    levels: &[Vec<String>],
) -> usize {
    let preferred = Preferred { key: Cow::Owned(vec![Algorithm::Ed25519]), ..Preferred::DEFAULT };
    let config = client::Config { preferred, nodelay: true, ..client::Config::default() };
    let connected = client::connect(Arc::new(config), (host, 22), Known(known, host.to_owned())).await;
    let Ok(mut handle) = connected else { return 0 };
    let key = PrivateKeyWithHashAlg::new(key, None);
    assert!(handle.authenticate_publickey("root", key).await.is_ok_and(|answer| answer.success()), "{host}");
    let handle = Arc::new(handle);
    let sessions = Arc::new(Semaphore::new(SESSIONS));
    let mut ended = 0;
    for level in levels {
        let mut commands = JoinSet::new();
        for text in level {
            let (handle, sessions, text) = (handle.clone(), sessions.clone(), text.clone());
            commands.spawn(async move {
                let _session = sessions.acquire().await;
                let mut channel = handle.channel_open_session().await.expect("a session");
                channel.exec(true, text).await.expect("it is asked for");
                channel.eof().await.expect("it is asked for");
                let mut exit = 0;
                while let Some(message) = channel.wait().await {
                    if matches!(message, ChannelMsg::ExitStatus { .. }) {
                        exit = 1;
                    }
                }
                exit
            });
        }
        ended += commands.join_all().await.into_iter().sum::<usize>();
    }
    ended
}
