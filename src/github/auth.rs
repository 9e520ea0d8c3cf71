//! As whom the agent asks: with a token, or as a GitHub App.

use crate::github::error::OptionsError;
use octocrab::AuthState;
use octocrab::auth::{AppAuth, EncodingKey};
use secrecy::{ExposeSecret, SecretString};

/// As whom GitHub is asked.
#[derive(Debug, Clone)]
pub enum Identity {
    /// For what needs no rights.
    Nobody,
    /// As the account that a token belongs to. Spaces and line ends around the token are removed.
    Token(SecretString),
    /// `key` is the App's private key, as GitHub hands it out: PEM.
    App {
        /// The App's number, as its settings page shows it.
        id: u64,
        /// The private key: RSA, in PEM.
        key: SecretString,
    },
}

impl Identity {
    /// # Errors
    /// [`OptionsError`] if the token or the key cannot be one.
    pub(super) fn auth(&self) -> Result<AuthState, OptionsError> {
        Ok(match self {
            Identity::Nobody => AuthState::None,
            Identity::Token(token) => AuthState::AccessToken { token: clean_token(token)? },
            Identity::App { id, key } => {
                let key = EncodingKey::from_rsa_pem(key.expose_secret().as_bytes());
                AuthState::App(AppAuth { app_id: (*id).into(), key: key.map_err(|_| OptionsError::Key)? })
            }
        })
    }
}

/// Without the line end that a file or a variable often has. octocrab panics over a token that cannot
/// stand in a header, so that is found out here.
fn clean_token(token: &SecretString) -> Result<SecretString, OptionsError> {
    let text = token.expose_secret().trim();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(OptionsError::Token);
    }
    Ok(text.to_owned().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_keys() {
        let clean = |token: &str| clean_token(&token.to_owned().into()).map(|t| t.expose_secret().to_owned());
        assert_eq!(clean("ghp_x\n"), Ok("ghp_x".to_owned()));
        assert_eq!(clean(" \n"), Err(OptionsError::Token));
        assert_eq!(clean("a\nb"), Err(OptionsError::Token));
        let app = Identity::App { id: 7, key: "no key".to_owned().into() };
        assert_eq!(app.auth().err(), Some(OptionsError::Key));
    }
}
