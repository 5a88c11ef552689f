//! Secrets and signatures.
//!
//! Every delivery carries two kinds of signature, so that receivers written for Dub and receivers with a library for
//! Standard Webhooks both can check it:
//! - `Dub-Signature`: HMAC-SHA256 of the body, hex, keyed with the whole secret as text. It tells nothing of the time.
//! - `webhook-id`, `webhook-timestamp` and `webhook-signature`: `v1,` and the base 64 of HMAC-SHA256 over
//!   `id.timestamp.body`, keyed with what is base 64 after `whsec_`; after a rotation one for each secret.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::domain::webhook::Secrets;

const PREFIX: &str = "whsec_";
const SECRET_BYTES: usize = 24;

const DUB_SIGNATURE: HeaderName = HeaderName::from_static("dub-signature");
const DUB_SIGNATURE_PREVIOUS: HeaderName = HeaderName::from_static("dub-signature-previous");
const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// A new secret; `None` when the system has no random bytes.
pub fn new_secret() -> Option<SecretString> {
    let mut random = [0u8; SECRET_BYTES];
    getrandom::fill(&mut random).ok()?;
    Some(format!("{PREFIX}{}", STANDARD.encode(random)).into())
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn dub(secret: &SecretString, body: &[u8]) -> String {
    hex(&mac(secret.expose_secret().as_bytes(), &[body]))
}

fn standard(secret: &SecretString, id: &str, timestamp: &str, body: &[u8]) -> String {
    let text = secret.expose_secret();
    let text = text.strip_prefix(PREFIX).unwrap_or(text);
    let key = STANDARD.decode(text).unwrap_or_else(|_| text.as_bytes().to_vec());
    format!("v1,{}", STANDARD.encode(mac(&key, &[id.as_bytes(), b".", timestamp.as_bytes(), b".", body])))
}

/// The headers of one attempt, begun at `now_ms`, to deliver something under `event_id` where no secret was agreed upon.
pub fn unsigned_headers(event_id: &str, now_ms: i64) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let timestamp = now_ms.div_euclid(1_000).to_string();
    for (name, value) in [(WEBHOOK_ID, event_id), (WEBHOOK_TIMESTAMP, &timestamp)] {
        // Ids and numbers fit in a header.
        HeaderValue::from_str(value).into_iter().for_each(|value| _ = headers.insert(name.clone(), value));
    }
    headers
}

/// The headers of one attempt, begun at `now_ms`, to deliver `body` under `event_id`.
pub fn headers(secrets: &Secrets, event_id: &str, body: &[u8], now_ms: i64) -> HeaderMap {
    let timestamp = now_ms.div_euclid(1_000).to_string();
    let old = secrets.old.as_ref().filter(|(_, until_ms)| now_ms < *until_ms).map(|(secret, _)| secret);
    let mut signatures = standard(&secrets.current, event_id, &timestamp, body);
    if let Some(old) = old {
        signatures.push(' ');
        signatures.push_str(&standard(old, event_id, &timestamp, body));
    }
    let mut headers = unsigned_headers(event_id, now_ms);
    let mut set = |name: HeaderName, value: &str| {
        // Hex and base 64 fit in a header.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(WEBHOOK_SIGNATURE, &signatures);
    set(DUB_SIGNATURE, &dub(&secrets.current, body));
    if let Some(old) = old {
        set(DUB_SIGNATURE_PREVIOUS, &dub(old, body));
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_example_of_standard_webhooks() {
        // From the test vectors of the Standard Webhooks libraries.
        let secrets = Secrets { current: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into(), old: None };
        let body = br#"{"test": 2432232314}"#;
        let signed = headers(&secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", body, 1_614_265_330_000);
        assert_eq!(signed["webhook-signature"], "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(signed["webhook-timestamp"], "1614265330");
        assert_eq!(signed["webhook-id"], "msg_p5jXN8AQM9LWM0D4loKWxJek");
    }

    #[test]
    fn hmac_of_the_rfc() {
        // RFC 4231, test case 2.
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(dub(&"Jefe".into(), b"what do ya want for nothing?"), expected);
    }

    #[test]
    fn two_secrets_sign_while_both_are_in_force() {
        let secrets = Secrets { current: new_secret().unwrap(), old: Some((new_secret().unwrap(), 5_000)) };
        let during = headers(&secrets, "evt_1", b"{}", 4_999);
        let signatures: Vec<&str> = during["webhook-signature"].to_str().unwrap().split(' ').collect();
        let (old, _) = secrets.old.as_ref().unwrap();
        let each = [&secrets.current, old].map(|secret| standard(secret, "evt_1", "4", b"{}"));
        assert_eq!(signatures, each);
        assert_ne!(during["dub-signature"], during["dub-signature-previous"]);
        let after = headers(&secrets, "evt_1", b"{}", 5_000);
        assert!(!after["webhook-signature"].to_str().unwrap().contains(' '));
        assert!(!after.contains_key("dub-signature-previous"));
    }

    #[test]
    fn secrets_differ_and_are_long() {
        let (one, two) = (new_secret().unwrap(), new_secret().unwrap());
        assert_ne!(one.expose_secret(), two.expose_secret());
        assert_eq!(one.expose_secret().len(), PREFIX.len() + 32);
    }
}
