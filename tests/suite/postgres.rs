//! A real PostgreSQL server for the tests. One serves the whole process; a test that kills its server
//! starts one of its own. It dies with the process, because it reads from it.

use fieldmedic::store::{Address, Postgres};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex};

/// A server, and the script that keeps it.
pub struct Server {
    socket: PathBuf,
    script: Mutex<Script>,
}

struct Script {
    child: Child,
    /// `None` when the server is to end.
    words: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

static SHARED: LazyLock<Server> = LazyLock::new(Server::start);

/// A new database of the server that all tests share.
pub async fn database() -> Database {
    SHARED.database().await
}

impl Server {
    pub fn start() -> Self {
        let is_root = std::fs::metadata("/proc/self").is_ok_and(|me| {
            use std::os::unix::fs::MetadataExt;
            me.uid() == 0
        });
        let mut command = Command::new(if is_root { "setpriv" } else { "sh" });
        if is_root {
            // PostgreSQL refuses to run as root.
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "sh"]);
        }
        command.args(["-c", include_str!("postgres.sh"), "postgres.sh"]).arg(programs());
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the server's script starts");
        let words = child.stdin.take();
        let mut answers = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut socket = String::new();
        answers.read_line(&mut socket).expect("the script answers");
        assert!(socket.ends_with('\n'), "the PostgreSQL server of the tests did not start; see above");
        Self { socket: socket.trim().into(), script: Mutex::new(Script { child, words, answers }) }
    }

    /// Ends every process of the server at once, as a power cut would.
    pub fn crash(&self) {
        self.tell("crash");
    }

    pub fn restart(&self) {
        self.tell("start");
    }

    fn tell(&self, word: &str) {
        let mut script = self.script.lock().expect("no panic under the lock");
        writeln!(script.words.as_mut().expect("it runs"), "{word}").expect("the script reads");
        let mut answer = String::new();
        script.answers.read_line(&mut answer).expect("the script answers");
        assert_eq!(answer, "done\n");
    }

    pub async fn database(&self) -> Database {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::SeqCst));
        let mut raw = self.raw("postgres").await;
        let sql = format!("CREATE DATABASE {name} TEMPLATE template0");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut raw).await.expect("a new database");
        raw.close().await.expect("it closes");
        Database { socket: self.socket.clone(), name }
    }

    async fn raw(&self, database: &str) -> PgConnection {
        raw(&self.socket, database).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(script) = self.script.get_mut() {
            drop(script.words.take());
            let _ = script.child.wait();
        }
    }
}

async fn raw(socket: &Path, database: &str) -> PgConnection {
    let options = PgConnectOptions::new_without_pgpass().socket(socket).username("fieldmedic");
    let options = options.database(database).options([("search_path", "fieldmedic")]);
    options.disable_statement_logging().connect().await.expect("the server takes the connection")
}

/// Where `initdb` and `postgres` are. A machine that lacks them cannot run these tests, and says so.
fn programs() -> PathBuf {
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path().join("bin")).collect())
        .unwrap_or_default();
    versions.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = versions.into_iter().rev().chain(std::env::split_paths(&path));
    let found = places.into_iter().find(|bin| ["initdb", "postgres"].iter().all(|it| bin.join(it).exists()));
    found.expect("PostgreSQL's `initdb` and `postgres` are not here: on Debian, apt-get install postgresql")
}

/// One database of a server.
#[derive(Clone)]
pub struct Database {
    pub socket: PathBuf,
    pub name: String,
}

impl Database {
    pub fn url(&self) -> String {
        format!("postgres:///{}?host={}&user=fieldmedic", self.name, self.socket.display())
    }

    pub async fn open(&self) -> Postgres {
        Postgres::open(&Address::parse(&self.url()).expect("a URL")).await.expect("the journal opens")
    }

    /// A way round the journal, as somebody with a database shell has it.
    pub async fn raw(&self) -> PgConnection {
        raw(&self.socket, &self.name).await
    }

    pub async fn sql(&self, sql: &str) -> Result<(), sqlx::Error> {
        let mut raw = self.raw().await;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut raw).await.map(|_| ())
    }
}
