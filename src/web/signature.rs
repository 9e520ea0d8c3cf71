//! Whether a delivery was signed with a secret that GitHub and the agent share.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// The secrets that may have signed: one, or two while the old one is being replaced.
#[derive(Debug, Clone)]
pub struct Secrets(Vec<SecretString>);

impl Secrets {
    /// An empty secret is none: everyone could sign with it. Without any secret no delivery is let in.
    pub fn new(secrets: impl IntoIterator<Item = SecretString>) -> Self {
        Self(secrets.into_iter().filter(|secret| !secret.expose_secret().is_empty()).collect())
    }

    /// `header` is the value of `X-Hub-Signature-256`, `body` what was sent, byte by byte. How long
    /// the comparison takes does not depend on how much of a signature is right.
    pub fn signed(&self, header: Option<&str>, body: &[u8]) -> bool {
        let Some(signature) = header.and_then(|header| header.strip_prefix("sha256=")) else { return false };
        self.signed_hex(Some(signature), body)
    }

    /// The same for a signature without a prefix.
    pub fn signed_hex(&self, signature: Option<&str>, body: &[u8]) -> bool {
        let Some(Ok(signature)) = signature.map(hex::decode) else { return false };
        self.0.iter().any(|secret| is_signed_with(secret, body, &signature))
    }

    /// Whether this is one of the secrets. How long that takes does not depend on how much of it is right.
    pub fn contain(&self, given: &str) -> bool {
        let hash = |text: &str| -> [u8; 32] { Sha256::digest(text.as_bytes()).into() };
        let given = hash(given);
        let fits =
            |secret: &SecretString| verify_slices_are_equal(&hash(secret.expose_secret()), &given).is_ok();
        self.0.iter().any(fits)
    }
}

fn is_signed_with(secret: &SecretString, body: &[u8], signature: &[u8]) -> bool {
    let mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes());
    mac.is_ok_and(|mac| mac.chain_update(body).verify_slice(signature).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_come_in() {
        // The example of GitHub's documentation.
        let (secret, body) = ("It's a Secret to Everybody", "Hello, World!");
        let right = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let secrets = |texts: &[&str]| Secrets::new(texts.iter().map(|&text| text.to_owned().into()));
        let one = secrets(&[secret]);
        for (secrets, header, body, expect) in [
            (&one, Some(right), body, true),
            (&one, Some(right), "Hello, World?", false),
            (&one, Some(right), "", false),
            (&one, Some(right.to_uppercase().as_str()), body, false),
            (&one, Some(&right[7..]), body, false),
            (&one, Some(&right[..69]), body, false),
            (&one, Some(&right.replace("sha256", "sha1")), body, false),
            (&one, Some("sha256="), body, false),
            (&one, Some("sha256=not hex"), body, false),
            (&one, Some(""), body, false),
            (&one, None, body, false),
            (&secrets(&["the new one", secret]), Some(right), body, true),
            (&secrets(&["the new one"]), Some(right), body, false),
            (&secrets(&[]), Some(right), body, false),
            // HMAC with an empty key, which anybody can compute.
            (
                &secrets(&[""]),
                Some("sha256=2bbcfa9524f3218c7a34b30e6936f8b1a4516cb097f1a85a1c7d98b5977ec769"),
                body,
                false,
            ),
        ] {
            assert_eq!(secrets.signed(header, body.as_bytes()), expect, "{header:?} {body}");
        }
        assert!(one.signed_hex(Some(&right[7..]), body.as_bytes()));
        assert!(!one.signed_hex(Some(right), body.as_bytes()) && !one.signed_hex(None, body.as_bytes()));
        let both = secrets(&["the new one", secret]);
        assert!(both.contain(secret) && both.contain("the new one"));
        assert!(!both.contain("") && !both.contain("the new") && !secrets(&["", ""]).contain(""));
    }
}
