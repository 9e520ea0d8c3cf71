//! Readers: what understands the words of tickets.
//!
//! ```text
//! built_in.rs          the reader that is built in
//! embedding_reader.rs  the same with the second opinion of a language model, which an operator can add
//! endpoint.rs          where its embeddings come from
//! examples.rs          the texts that both learn from
//! evaluation.rs        how often given wordings are understood
//! ```

mod built_in;
mod embedding_reader;
mod endpoint;
pub mod evaluation;
mod examples;

pub use crate::reader::built_in::BuiltInReader;
pub use crate::reader::embedding_reader::{EmbeddingError, EmbeddingLimits, EmbeddingReader};
pub use crate::reader::endpoint::{Endpoint, EndpointError, EndpointOptions};
