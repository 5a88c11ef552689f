//! Passwords of people and of links: argon2id with its own salt for each, in the PHC string format.
//!
//! Both functions take tens of milliseconds and 19 MiB on purpose: callers run them on a blocking thread.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};

/// The longest password that is looked at, in bytes.
pub const MAX_LENGTH: usize = 1_024;
/// What stands for a link's password wherever the link is shown. Sent back, it says that the password stays.
pub const MASK: &str = "********";

/// A password could not be hashed: the system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("password cannot be hashed: {0}")]
pub struct HashError(String);

/// The hash to keep.
pub fn hash(password: &str) -> Result<String, HashError> {
    let hash: PasswordHash =
        Argon2::default().hash_password(password.as_bytes()).map_err(|error| HashError(error.to_string()))?;
    Ok(hash.to_string())
}

/// Whether a text is a hash as [`hash`] makes them, with parameters that cost no more to verify.
pub fn is_hash(text: &str) -> bool {
    let ours = argon2::Params::default();
    text.len() <= MAX_LENGTH
        && text.starts_with("$argon2id$")
        && PasswordHash::new(text).is_ok_and(|parsed| {
            argon2::Params::try_from(&parsed).is_ok_and(|params| {
                params.m_cost() <= ours.m_cost() && params.t_cost() <= ours.t_cost() && params.p_cost() <= ours.p_cost()
            })
        })
}

/// Whether `hash` was made of `password`. False for a hash that is none.
pub fn verify(password: &str, hash: &str) -> bool {
    password.len() <= MAX_LENGTH
        && PasswordHash::new(hash)
            .is_ok_and(|parsed| Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_fits() {
        let first = hash("correct horse").unwrap();
        assert!(first.starts_with("$argon2id$"));
        assert_ne!(first, hash("correct horse").unwrap(), "each hash has its own salt");
        assert!(verify("correct horse", &first));
        assert!(!verify("correct horsf", &first));
        assert!(!verify("", &first));
        assert!(is_hash(&first));
        for bad in
            ["", "plain", "$argon2id$", &first.replace("m=19456", "m=1945600"), &first.replace("argon2id", "argon2i")]
        {
            assert!(!is_hash(bad), "{bad}");
        }
        for broken in ["", "plain", "$argon2id$", "$argon2id$v=19$m=1,t=1,p=1$AAAA$"] {
            assert!(!verify("", broken), "{broken}");
        }
    }
}
