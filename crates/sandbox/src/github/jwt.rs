//! The keys of Apps, and the JSON Web Tokens that Apps sign with them. Tokens are verified here without the
//! library that creates them.

#![expect(clippy::disallowed_methods, reason = "App tokens expire in real time")]

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use chrono::Utc;
use serde_json::Value;

/// The longest validity of a token, in seconds.
const LONGEST: i64 = 600;

/// PKCS#8 puts so many bytes before a key of 2048 bits. GitHub hands out the bare key (PKCS#1).
const WRAPPING: usize = 26;

/// No key could be generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no key could be generated")]
pub struct Unmade;

pub(super) struct JwtKey {
    private: Vec<u8>,
    public: Vec<u8>,
}

impl JwtKey {
    /// Generates an RSA key of 2048 bits.
    ///
    /// # Errors
    /// [`Unmade`] if no key can be generated.
    pub(super) fn make() -> Result<Self, Unmade> {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| Unmade)?;
        let private: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| Unmade)?;
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(|_| Unmade)?;
        let private = private.as_ref().get(WRAPPING..).ok_or(Unmade)?.to_vec();
        Ok(Self { private, public: public.as_ref().to_vec() })
    }

    /// The private key in PEM form, as PKCS#1.
    pub(super) fn pem(&self) -> String {
        let text = BASE64_STANDARD.encode(&self.private);
        let lines: Vec<&str> =
            text.as_bytes().chunks(64).filter_map(|line| str::from_utf8(line).ok()).collect();
        format!("-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----\n", lines.join("\n"))
    }

    fn signed(&self, text: &str, signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.public);
        key.verify(text.as_bytes(), signature).is_ok()
    }
}

/// GitHub's answer to a malformed token.
pub(super) const UNREADABLE: &str = "A JSON web token could not be decoded";

/// The App that a token claims to be from, unverified; `None` if it is no such token.
pub(super) fn issuer(token: &str) -> Option<u64> {
    let claims = part(token.split('.').nth(1)?)?;
    let issuer = claims.get("iss")?;
    issuer.as_u64().or_else(|| issuer.as_str()?.parse().ok())
}

/// # Errors
/// GitHub's answer to a token with a wrong signature or time.
pub(super) fn check(token: &str, key: &JwtKey) -> Result<(), &'static str> {
    let [head, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else { return Err(UNREADABLE) };
    let signed = token.rsplit_once('.').map_or("", |(signed, _)| signed);
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).map_err(|_| UNREADABLE)?;
    let (head, claims) = part(head).zip(part(claims)).ok_or(UNREADABLE)?;
    if head.get("alg").is_none_or(|algorithm| algorithm != "RS256") || !key.signed(signed, &signature) {
        return Err(UNREADABLE);
    }
    let now = Utc::now().timestamp();
    let time = |name: &str| claims.get(name).and_then(Value::as_i64);
    let (issued, until) = (time("iat").unwrap_or(i64::MAX), time("exp").unwrap_or(0));
    if issued > now {
        return Err(
            "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
        );
    }
    if until > now + LONGEST {
        return Err("'Expiration time' claim ('exp') is too far in the future");
    }
    if until <= now {
        return Err(
            "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
        );
    }
    Ok(())
}

fn part(text: &str) -> Option<Value> {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}
