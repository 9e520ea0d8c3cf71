//! An OpenAI-compatible endpoint for embeddings: `POST /embeddings`
//! (<https://platform.openai.com/docs/api-reference/embeddings>).
//!
//! What it answers is not trusted. It can give numbers and nothing else; they must be as many as were asked for. It is
//! asked within a time, and no answer is longer than a limit. It cannot send the key elsewhere, because no redirect is
//! followed.

use crate::http_client::{HttpClient, HttpError, HttpLimits};
use http::{Method, Request, header};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;
use url::Url;

/// A longer answer is not read. Sixteen texts with so many numbers each fit into it.
const LONGEST_ANSWER: usize = 16 << 20;
/// No model is known whose vectors are longer; so many numbers of each example are kept.
const LONGEST_VECTOR: usize = 8192;

/// Where embeddings come from.
#[derive(Debug, Clone)]
pub struct EndpointOptions {
    /// The API's address, to which `/embeddings` is added.
    pub url: Url,
    /// The name of the model.
    pub model: String,
    /// Sent as a bearer token, if there is one.
    pub key: Option<SecretString>,
    /// The time for one request, from the connection to the last byte.
    pub timeout: Duration,
}

/// Why an endpoint gives no embeddings.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// No certificates of authorities can be read, or the address cannot be asked.
    #[error("the endpoint cannot be asked: {0}")]
    Setup(String),
    /// It did not answer in time.
    #[error("it did not answer within {} s", .0.as_secs_f32())]
    Late(Duration),
    /// It cannot be reached, or the connection broke off.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// It answered with another status than success.
    #[error("it answered with the status {0}")]
    Status(u16),
    /// Its answer is longer than the limit, or not as the API has it.
    #[error("its answer cannot be used: {0}")]
    Answer(String),
}

impl From<HttpError> for EndpointError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Setup(why) => EndpointError::Setup(why),
            HttpError::Late(timeout) => EndpointError::Late(timeout),
            HttpError::Unreachable(why) => EndpointError::Unreachable(why),
            HttpError::TooLong(length) => {
                EndpointError::Answer(format!("it is longer than {} MiB", length >> 20))
            }
        }
    }
}

/// Asks an endpoint for embeddings.
#[derive(Debug, Clone)]
pub struct Endpoint {
    options: EndpointOptions,
    client: HttpClient,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Embedding>,
}

#[derive(Deserialize)]
struct Embedding {
    index: usize,
    embedding: Vec<f32>,
}

impl Endpoint {
    /// Makes a client. Nothing is asked yet.
    ///
    /// # Errors
    /// [`EndpointError::Setup`].
    pub fn new(options: EndpointOptions) -> Result<Self, EndpointError> {
        Ok(Self { options, client: HttpClient::new()? })
    }

    /// The name of its model.
    pub fn model(&self) -> &str {
        &self.options.model
    }

    /// The embeddings of these texts, one for each, in their order.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub async fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EndpointError> {
        let body = json!({ "model": self.options.model, "input": texts, "encoding_format": "float" });
        let url = format!("{}/embeddings", self.options.url.as_str().trim_end_matches('/'));
        let mut request =
            Request::builder().method(Method::POST).uri(url).header(header::CONTENT_TYPE, "application/json");
        if let Some(key) = &self.options.key {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", key.expose_secret()));
        }
        let request =
            request.body(body.to_string()).map_err(|error| EndpointError::Setup(error.to_string()))?;
        let limits = HttpLimits { timeout: self.options.timeout, length: LONGEST_ANSWER };
        let answer = self.client.send(request, limits).await?;
        if !answer.status.is_success() {
            return Err(EndpointError::Status(answer.status.as_u16()));
        }
        let answer: Answer = serde_json::from_slice(&answer.body)
            // The error's own text quotes the answer, which may be long.
            .map_err(|error| {
                EndpointError::Answer(format!("it is no list of embeddings, in column {}", error.column()))
            })?;
        in_order(answer.data, texts.len())
    }
}

/// The vectors in the order of the texts; each text must have one.
fn in_order(data: Vec<Embedding>, count: usize) -> Result<Vec<Vec<f32>>, EndpointError> {
    let mut vectors: Vec<Option<Vec<f32>>> = vec![None; count];
    for Embedding { index, embedding } in data {
        match vectors.get_mut(index) {
            _ if embedding.len() > LONGEST_VECTOR => {
                return Err(EndpointError::Answer(format!(
                    "a vector has more than {LONGEST_VECTOR} numbers"
                )));
            }
            Some(place) if place.is_none() => *place = Some(embedding),
            _ => return Err(EndpointError::Answer(format!("there is no text {index}, or it came twice"))),
        }
    }
    let complete: Option<Vec<Vec<f32>>> = vectors.into_iter().collect();
    complete.ok_or_else(|| EndpointError::Answer("a text has no embedding".to_owned()))
}
