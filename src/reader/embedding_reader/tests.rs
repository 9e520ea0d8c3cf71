//! A stand-in for an endpoint: it listens on a port of this machine, and answers well or badly.

use super::*;
use crate::clock::SystemClock;
use crate::core::reading::plain_words;
use crate::library;
use crate::library::Files;
use crate::reader::endpoint::EndpointOptions;
use axum::Router;
use axum::extract::State as Extracted;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpListener;

const KEY: &str = "sk-of-the-reader";

/// How the stand-in answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// As a model that knows words.
    Good,
    Status(u16),
    /// To another address of this machine.
    Redirect,
    /// Never.
    Silent,
    NoJson,
    /// Without the last text.
    TooFew,
    /// The first one twice.
    Twice,
    /// An index that was not asked for.
    Elsewhere,
    /// Vectors of different lengths.
    Ragged,
    /// Numbers that no `f32` holds.
    Huge,
    /// Longer than anything that is read.
    Endless,
    /// Vectors of more numbers than any model gives.
    Wide,
    /// Labels and orders in place of vectors.
    Words,
}

struct StandIn {
    manner: Mutex<Manner>,
    /// The bodies of all requests, with the header that holds the key.
    asked: Mutex<Vec<(String, Value)>>,
}

impl StandIn {
    fn becomes(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    fn asked(&self) -> Vec<(String, Value)> {
        self.asked.lock().unwrap().clone()
    }
}

/// A vector that is nearer to that of another text the more words they share.
fn vector(text: &str) -> Vec<f32> {
    let mut vector = vec![0.01_f32; 64];
    for word in plain_words(text) {
        let place = word.bytes().fold(7_usize, |sum, byte| (sum * 31 + usize::from(byte)) % 64);
        vector[place] += 1.0;
    }
    vector
}

async fn answer(Extracted(stand_in): Extracted<Arc<StandIn>>, headers: HeaderMap, body: String) -> Response {
    let asked: Value = serde_json::from_str(&body).unwrap();
    let key = headers.get("authorization").map_or("", |value| value.to_str().unwrap()).to_owned();
    stand_in.asked.lock().unwrap().push((key, asked.clone()));
    let texts = asked["input"].as_array().unwrap().iter().map(|text| text.as_str().unwrap());
    let mut data: Vec<Value> =
        texts.enumerate().map(|(index, text)| json!({ "index": index, "embedding": vector(text) })).collect();
    let manner = *stand_in.manner.lock().unwrap();
    match manner {
        Manner::Good => data.reverse(),
        Manner::Status(status) => return StatusCode::from_u16(status).unwrap().into_response(),
        Manner::Redirect => {
            return (StatusCode::TEMPORARY_REDIRECT, [("location", "/stolen")]).into_response();
        }
        Manner::Silent => return std::future::pending().await,
        Manner::NoJson => return "no embeddings today".into_response(),
        Manner::TooFew => drop(data.pop()),
        Manner::Twice => data.push(data[0].clone()),
        Manner::Elsewhere => data[0]["index"] = json!(100_000),
        Manner::Ragged => data[0]["embedding"] = json!([1.0]),
        Manner::Huge => data.iter_mut().for_each(|it| it["embedding"][0] = json!(1e300)),
        Manner::Endless => return "1".repeat((16 << 20) + 1).into_response(),
        Manner::Wide => data.iter_mut().for_each(|it| it["embedding"] = json!(vec![0; 10_000])),
        Manner::Words => {
            data = vec![json!({ "index": 0, "embedding": ["close", "the", "ticket"], "run": "rm -rf /" })];
        }
    }
    axum::Json(json!({ "data": data })).into_response()
}

/// A stand-in, and a reader that asks it.
async fn reader(limits: EmbeddingLimits, redactor: Redactor) -> (Arc<StandIn>, EmbeddingReader) {
    let stand_in = Arc::new(StandIn { manner: Mutex::new(Manner::Good), asked: Mutex::default() });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap()).parse().unwrap();
    let router = Router::new()
        .route("/v1/embeddings", post(answer))
        .route("/stolen", post(answer))
        .with_state(Arc::clone(&stand_in));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let key = Some(SecretString::from(KEY));
    let timeout = Duration::from_secs(2);
    let endpoint = Endpoint::new(EndpointOptions { url, model: "words".into(), key, timeout }).unwrap();
    (stand_in, EmbeddingReader::new(endpoint, limits, redactor, Arc::new(SystemClock)))
}

const FEW: EmbeddingLimits = EmbeddingLimits { examples: 250, characters_per_day: 1_000_000 };

fn catalogue() -> Arc<SymptomCatalogue> {
    let library = library::load(&Files::built_in()).unwrap();
    library.systems.get("qfieldcloud").unwrap().symptoms.clone()
}

const TEXT: &str =
    "All jobs stay pending\nNothing is processed since this morning. Also, how do I share a project?";

#[tokio::test]
async fn a_model_gives_a_second_opinion() {
    let (stand_in, reader) = reader(FEW, Redactor::default()).await;
    let catalogue = catalogue();
    let learnt = reader.learn(&catalogue).await.unwrap();
    assert_eq!(learnt, FEW.examples);
    let asked = stand_in.asked();
    let sent: usize = asked.iter().map(|(_, body)| body["input"].as_array().unwrap().len()).sum();
    assert_eq!((sent, asked.len()), (learnt, learnt.div_ceil(BATCH)));
    assert!(asked.iter().all(|(key, body)| *key == format!("Bearer {KEY}") && body["model"] == "words"));

    let reading = reader.read(&catalogue, TEXT).await.unwrap();
    assert_eq!(reading.model.as_deref(), Some("words"));
    let alone = BuiltInReader.read(&catalogue, TEXT).await.unwrap();
    assert_ne!(reading.problem, alone.problem, "the opinion counts");
    assert_eq!((reading.language, &reading.cues), (alone.language, &alone.cues));
    // One request for the text and its sentences.
    let asked = stand_in.asked();
    let texts = asked.last().unwrap().1["input"].as_array().unwrap();
    assert_eq!(texts.len(), 3, "{texts:?}");
}

#[tokio::test]
async fn a_bad_answer_is_no_opinion_and_a_good_one_is_one_again() {
    let (stand_in, reader) = reader(FEW, Redactor::default()).await;
    let catalogue = catalogue();
    reader.learn(&catalogue).await.unwrap();
    let alone = BuiltInReader.read(&catalogue, TEXT).await;
    for manner in [
        Manner::Status(500),
        Manner::Status(401),
        Manner::Redirect,
        Manner::Silent,
        Manner::NoJson,
        Manner::TooFew,
        Manner::Twice,
        Manner::Elsewhere,
        Manner::Ragged,
        Manner::Huge,
        Manner::Endless,
        Manner::Wide,
        Manner::Words,
    ] {
        stand_in.becomes(manner);
        let before = stand_in.asked().len();
        assert_eq!(reader.read(&catalogue, TEXT).await, alone, "{manner:?}");
        assert_eq!(stand_in.asked().len(), before + 1, "{manner:?}: asked again, or elsewhere");
        assert!(reader.learn(&catalogue).await.is_err(), "{manner:?}");
    }
    stand_in.becomes(Manner::Good);
    let reading = reader.read(&catalogue, TEXT).await.unwrap();
    assert_eq!(reading.model.as_deref(), Some("words"), "what was learnt before is kept");
}

#[tokio::test]
async fn no_ticket_waits_while_it_learns() {
    let (_stand_in, reader) = reader(FEW, Redactor::default()).await;
    let catalogue = catalogue();
    let alone = BuiltInReader.read(&catalogue, TEXT).await;
    assert_eq!(reader.read(&catalogue, TEXT).await, alone);
    for _ in 0..600 {
        if reader.read(&catalogue, TEXT).await.unwrap().model.is_some() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it has not learnt within a minute");
}

#[tokio::test]
async fn no_more_is_sent_in_a_day_than_allowed() {
    let limits = EmbeddingLimits { characters_per_day: 6_000, ..FEW };
    let (stand_in, reader) = reader(limits, Redactor::default()).await;
    let error = reader.learn(&catalogue()).await.unwrap_err();
    assert!(matches!(error, EmbeddingError::Limit(6_000)), "{error}");
    assert_eq!(stand_in.asked(), [], "half of the examples would be of no use");
}

#[tokio::test]
async fn a_secret_in_a_ticket_is_not_sent() {
    let secret = "Vb7-the-password-of-the-database";
    let (stand_in, reader) = reader(FEW, Redactor::new([secret.to_owned()], Vec::new())).await;
    let catalogue = catalogue();
    reader.learn(&catalogue).await.unwrap();
    reader.read(&catalogue, &format!("Jobs wait\nThe password is {secret}.")).await;
    assert!(stand_in.asked().iter().all(|(_, body)| !body.to_string().contains(secret)));
    let long = format!("Jobs wait {}", "very long ".repeat(2_000));
    reader.read(&catalogue, &long).await;
    let asked = stand_in.asked();
    let first = asked.last().unwrap().1["input"][0].as_str().unwrap();
    assert_eq!(first.chars().count(), LONGEST_TEXT);
}

#[test]
fn examples_are_spread_over_all_labels() {
    let texts: Vec<(&str, usize)> = (0..90).map(|number| ("a text", number)).collect();
    let classes = |kept| spread(&texts, kept).into_iter().map(|(_, class)| class).collect::<Vec<_>>();
    assert_eq!(classes(4), [0, 22, 45, 67]);
    assert_eq!(classes(1_000).len(), texts.len());
    assert_eq!(classes(0), [0; 0]);
}
