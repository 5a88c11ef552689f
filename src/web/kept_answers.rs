//! Answers that anyone may have, kept for a minute, so that a page which many look at asks the stores once.

use std::future::Future;
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use http_body_util::BodyExt;
use moka::future::Cache;

use super::error::ApiError;

/// How long an answer is kept, in seconds.
pub const KEPT_SECS: u64 = 60;
/// Bytes of all answers with their keys.
const KEPT_BYTES: u64 = 32 << 20;
/// What an entry takes beside its texts, about, in bytes.
const ENTRY_BYTES: usize = 500;

/// Good answers by what was asked. Cheap to clone.
#[derive(Clone, Debug)]
pub struct KeptAnswers {
    kept: Cache<String, Kept>,
}

#[derive(Clone, Debug)]
struct Kept {
    headers: HeaderMap,
    body: Bytes,
}

impl Default for KeptAnswers {
    fn default() -> Self {
        let weigh = |asked: &String, kept: &Kept| {
            u32::try_from(asked.len() + kept.body.len() + ENTRY_BYTES).unwrap_or(u32::MAX)
        };
        let kept = Cache::builder().max_capacity(KEPT_BYTES).weigher(weigh);
        Self { kept: kept.time_to_live(Duration::from_secs(KEPT_SECS)).build() }
    }
}

impl KeptAnswers {
    /// The answer to what was `asked`: the one that is kept, else what `answering` gives, which is kept when it is good. The
    /// same asked at once is answered once.
    ///
    /// # Errors
    /// What `answering` fails with, which is not kept.
    pub async fn get(
        &self,
        asked: String,
        answering: impl Future<Output = Result<Response, ApiError>>,
    ) -> Result<Response, ApiError> {
        let keep = async {
            let (parts, body) = answering.await?.into_parts();
            let body = body.collect().await.map_err(|error| {
                tracing::warn!(%error, "an answer that was to be kept broke off");
                ApiError::Internal
            })?;
            Ok(Kept { headers: parts.headers, body: body.to_bytes() })
        };
        let Kept { headers, body } =
            self.kept.try_get_with(asked, keep).await.map_err(|error: std::sync::Arc<ApiError>| (*error).clone())?;
        let mut response = Response::new(Body::from(body));
        *response.headers_mut() = headers;
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn good_answers_are_kept_and_failures_are_not() {
        let answers = KeptAnswers::default();
        let asked = |text: &'static str| {
            let answers = answers.clone();
            async move {
                let answering = async move {
                    match text {
                        "" => Err(ApiError::Internal),
                        text => Ok(Response::builder().header("x-a", text).body(Body::from(text)).unwrap()),
                    }
                };
                let response = answers.get("key".to_owned(), answering).await?;
                assert_eq!(response.status(), 200);
                let header = response.headers()["x-a"].to_str().unwrap().to_owned();
                let body = response.into_body().collect().await.unwrap().to_bytes();
                assert_eq!(header.as_bytes(), body);
                Ok::<_, ApiError>(header)
            }
        };
        assert_eq!(asked("").await, Err(ApiError::Internal));
        assert_eq!(asked("first").await.as_deref(), Ok("first"));
        assert_eq!(asked("second").await.as_deref(), Ok("first"));
        assert_eq!(asked("").await.as_deref(), Ok("first"));
    }
}
