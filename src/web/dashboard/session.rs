//! Who is logged in. A session is a random word in a cookie; the process keeps only its hash. Sessions outlive a reload
//! of the configuration, as long as the token that they began with is still one.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::rand::fill;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// So many sessions at once; a further one ends the oldest.
const SESSIONS: usize = 64;

/// A session lasts so long, and so long without a request.
const LONGEST: Duration = Duration::from_secs(12 * 3600);
const IDLE: Duration = Duration::from_secs(2 * 3600);

/// So many attempts may fail within a minute; further ones are not looked at.
const FAILURES: usize = 10;
const MINUTE: Duration = Duration::from_secs(60);

/// Shorter tokens could be guessed.
pub(super) const SHORTEST_TOKEN: usize = 16;

/// The longest name that a person gives with a shared token, in characters.
const LONGEST_NAME: usize = 40;

/// What lets somebody in.
#[derive(Debug, Clone)]
pub struct LoginToken {
    /// The GitHub login of its owner; `None` if several people share it.
    pub login: Option<String>,
    secret: SecretString,
}

/// SHA-256.
type Hash = [u8; 32];

/// Somebody who is logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    pub login: Option<String>,
    /// As the journal names the person.
    pub recorded_as: String,
    /// What every form has to send back.
    pub csrf: String,
    token: Hash,
    begun: Instant,
    seen: Instant,
}

/// The sessions of a process.
#[derive(Debug, Default)]
pub struct Sessions {
    sessions: Mutex<BTreeMap<Hash, Session>>,
    failures: Mutex<VecDeque<Instant>>,
}

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum LoginError {
    #[error("This token is not valid.")]
    WrongToken,
    #[error("Too many attempts have failed. Wait a minute, then try again.")]
    TooMany,
    #[error(
        "This token is shared: give your name as well, up to 40 letters, digits, dots, dashes or spaces."
    )]
    NoName,
    #[error("No random numbers can be made on this machine.")]
    NoRandom,
}

impl LoginToken {
    /// A token; `None` if it is too short to be safe.
    pub fn new(login: Option<String>, secret: SecretString) -> Option<Self> {
        (secret.expose_secret().len() >= SHORTEST_TOKEN).then_some(Self { login, secret })
    }

    fn hash(&self) -> Hash {
        hash(self.secret.expose_secret())
    }
}

fn hash(text: &str) -> Hash {
    Sha256::digest(text.as_bytes()).into()
}

/// 256 random bits in hex.
fn random_word() -> Result<String, LoginError> {
    let mut bytes = [0_u8; 32];
    fill(&mut bytes).map_err(|_| LoginError::NoRandom)?;
    Ok(hex::encode(bytes))
}

impl Session {
    /// Whether a form came from a page of this session. How long that takes does not depend on how much is right.
    pub(super) fn has_sent(&self, csrf: &str) -> bool {
        verify_slices_are_equal(&hash(csrf), &hash(&self.csrf)).is_ok()
    }
}

impl Sessions {
    /// Begins a session. Gives the word of its cookie.
    pub(super) fn log_in(
        &self,
        tokens: &[LoginToken],
        given: &str,
        name: &str,
    ) -> Result<String, LoginError> {
        let now = Instant::now();
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.retain(|at| now - *at < MINUTE);
        if failures.len() >= FAILURES {
            return Err(LoginError::TooMany);
        }
        let given = hash(given.trim());
        // Each is compared, so that the time does not tell which was right.
        let fits = |token: &LoginToken| verify_slices_are_equal(&token.hash(), &given).is_ok();
        let token = tokens.iter().fold(None, |found, token| if fits(token) { Some(token) } else { found });
        let Some(token) = token else {
            failures.push_back(now);
            return Err(LoginError::WrongToken);
        };
        drop(failures);
        let recorded_as = match &token.login {
            Some(login) => format!("{login} (dashboard)"),
            None => format!("{} (dashboard, shared token)", own_name(name).ok_or(LoginError::NoName)?),
        };
        let word = random_word()?;
        let session = Session {
            login: token.login.clone(),
            recorded_as,
            csrf: random_word()?,
            token: given,
            begun: now,
            seen: now,
        };
        let mut sessions = self.sessions();
        sessions.retain(|_, session| is_alive(session, now));
        if sessions.len() >= SESSIONS
            && let Some(oldest) = sessions.iter().min_by_key(|(_, it)| it.seen).map(|(hash, _)| *hash)
        {
            sessions.remove(&oldest);
        }
        sessions.insert(hash(&word), session);
        Ok(word)
    }

    /// The session of a cookie's word, if it lasts and its token is still one.
    pub(super) fn find(&self, tokens: &[LoginToken], word: &str) -> Option<Session> {
        let now = Instant::now();
        let mut sessions = self.sessions();
        let session = sessions.get_mut(&hash(word))?;
        if !is_alive(session, now) || !tokens.iter().any(|token| token.hash() == session.token) {
            return None;
        }
        session.seen = now;
        Some(session.clone())
    }

    pub(super) fn log_out(&self, word: &str) {
        self.sessions().remove(&hash(word));
    }

    fn sessions(&self) -> MutexGuard<'_, BTreeMap<Hash, Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_alive(session: &Session, now: Instant) -> bool {
    now - session.begun < LONGEST && now - session.seen < IDLE
}

/// A name that a journal can hold.
fn own_name(name: &str) -> Option<String> {
    let name = name.trim();
    let is_plain = |c: char| c.is_alphanumeric() || " .-_'".contains(c);
    let fits = !name.is_empty() && name.chars().count() <= LONGEST_NAME && name.chars().all(is_plain);
    fits.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(login: Option<&str>, secret: &str) -> LoginToken {
        LoginToken::new(login.map(str::to_owned), secret.to_owned().into()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_lasts_while_it_is_used_and_its_token_counts() {
        let (shared, own) = (token(None, "0123456789abcdef"), token(Some("ada"), "fedcba9876543210"));
        let both = [shared.clone(), own.clone()];
        let sessions = Sessions::default();
        assert_eq!(sessions.log_in(&both, "0123456789abcdeX", "Ada"), Err(LoginError::WrongToken));
        assert_eq!(sessions.log_in(&both, "0123456789abcdef", " "), Err(LoginError::NoName));
        assert_eq!(sessions.log_in(&both, "0123456789abcdef", "<b>"), Err(LoginError::NoName));
        let ben = sessions.log_in(&both, "0123456789abcdef", "Ben").unwrap();
        let ada = sessions.log_in(&both, "fedcba9876543210", "somebody else").unwrap();
        let found = |word: &str| sessions.find(&both, word).map(|session| session.recorded_as);
        assert_eq!(found(&ben).as_deref(), Some("Ben (dashboard, shared token)"));
        assert_eq!(found(&ada).as_deref(), Some("ada (dashboard)"), "a token of one's own says who it is");
        assert_eq!(found("guessed"), None);
        // Another token: who had the old one is out.
        assert_eq!(sessions.find(std::slice::from_ref(&own), &ben), None);
        sessions.log_out(&ben);
        assert_eq!(found(&ben), None);
        for _ in 0..11 {
            tokio::time::advance(Duration::from_secs(3600)).await;
            assert!(found(&ada).is_some());
        }
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(found(&ada), None, "after half a day it is over");
        assert!(LoginToken::new(None, "short".to_owned().into()).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_and_sessions_are_bounded() {
        let tokens = [token(None, "0123456789abcdef")];
        let sessions = Sessions::default();
        for _ in 0..FAILURES {
            assert_eq!(sessions.log_in(&tokens, "guess", "Ada"), Err(LoginError::WrongToken));
        }
        assert_eq!(sessions.log_in(&tokens, "0123456789abcdef", "Ada"), Err(LoginError::TooMany));
        tokio::time::advance(MINUTE).await;
        let first = sessions.log_in(&tokens, "0123456789abcdef", "Ada").unwrap();
        for _ in 0..SESSIONS {
            tokio::time::advance(Duration::from_millis(1)).await;
            sessions.log_in(&tokens, "0123456789abcdef", "Ada").unwrap();
        }
        assert_eq!(sessions.find(&tokens, &first), None);
        assert_eq!(sessions.sessions().len(), SESSIONS);
    }
}
