//! The dashboard over HTTP: routes, login, events, and what keeps strangers out.
//!
//! - `site`: the server's state and limits. `routes`: one function a page. `answer`: a page with its frame.
//! - `guard`: which hosts and origins are answered, the path that a proxy adds, and the headers of every answer.
//! - `session`: tokens, sessions and failed attempts. `events`: tells open pages that something has changed.
//! - `entry`: what every request passes, and the server.

mod answer;
mod entry;
mod events;
mod guard;
mod routes;
mod session;
mod site;

pub use crate::web::dashboard::entry::{dashboard_router, serve_dashboard};
pub use crate::web::dashboard::session::{LoginToken, Sessions};
pub use crate::web::dashboard::site::{Site, SiteSettings};
