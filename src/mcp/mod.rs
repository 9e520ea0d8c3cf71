//! What an assistant may ask, by the Model Context Protocol over stdin and stdout. Nothing that it can ask changes
//! anything: a [`Question`] is one of a closed list, and none of them is an order.
//!
//! ```text
//! tools.rs    the questions, as tools with typed arguments
//! server.rs   the protocol, by its official SDK; the bounds of what comes in and goes out
//! ```

mod server;
mod tools;

pub use crate::mcp::server::{ServeError, serve};
pub use crate::mcp::tools::{Answers, Question};
