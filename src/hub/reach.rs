//! Whether the Hub answers, and takes the token.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::error::{ErrorKind, UserError};
use crate::hub::Options;
use crate::hub::ask::LOOK;
use crate::hub::http::{Hub, wait_time};

/// A Hub that has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    pub host: String,
    pub took: Duration,
    pub token: TokenState,
}

/// What the Hub says of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenState {
    NotSet,
    Accepted,
    Refused,
}

/// Asks the Hub one small question: who the token's owner is, or without a token for the name of any one model.
///
/// # Errors
/// It can't be reached within `limit`, or something else answers in its place.
pub async fn reach(options: &Options, limit: Duration) -> Result<Reach, UserError> {
    let start = Instant::now();
    let hub = Hub::new(options, limit)?;
    let asked = tokio::time::timeout(limit, ask(&hub)).await.unwrap_or_else(|_| {
        let late = format!("{} did not answer within {} s", hub.host(), limit.as_secs_f64());
        Err(UserError::new(ErrorKind::Network, late).hint(LOOK))
    });
    let token = asked?;
    Ok(Reach { host: hub.host(), took: start.elapsed(), token })
}

async fn ask(hub: &Hub) -> Result<TokenState, UserError> {
    let question = if hub.has_token() { "whoami-v2" } else { "models?limit=1" };
    let response = hub.api(question).await.map_err(|failure| hub.in_words(failure))?;
    let status = response.status().as_u16();
    match status {
        200 => {
            // A network's login page answers everything with 200.
            let body = response.bytes().await.map_err(|error| hub.in_words(hub.transport(&error)))?;
            match (serde_json::from_slice(&body), hub.has_token()) {
                (Ok(Value::Object(_)), true) => Ok(TokenState::Accepted),
                (Ok(Value::Array(_)), false) => Ok(TokenState::NotSet),
                _ => Err(hub.no_hub().error),
            }
        }
        401 | 403 if hub.has_token() => Ok(TokenState::Refused),
        407 => Err(hub.behind_a_proxy().error),
        429 => Err(hub.limited(wait_time(response.headers())).error),
        408 | 500..=599 => Err(hub.troubled(status).error.hint("try again later")),
        _ => Err(hub.no_hub().error),
    }
}
