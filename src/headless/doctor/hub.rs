//! The Hub, asked once.

use std::time::Duration;

use serde_json::json;

use crate::error::{ErrorKind, UserError};
use crate::headless::doctor::check::Check;
use crate::hub::{self, Options, TokenState};

pub(super) async fn checks(options: &Options, limit: Duration) -> Vec<Check> {
    let endpoint = &options.endpoint;
    let set = options.token.is_some();
    if options.offline {
        let hub =
            Check::note("hub", "not asked: the network is off").hint("--offline, HF_HUB_OFFLINE or `offline` says so");
        return vec![hub.details(json!({ "endpoint": endpoint, "reachable": null })), unchecked(set)];
    }
    match hub::reach(options, limit).await {
        Ok(reach) => {
            let took = u64::try_from(reach.took.as_millis()).unwrap_or(u64::MAX);
            let hub = Check::ok("hub", format!("{} answers after {took} ms", reach.host));
            let details = json!({ "endpoint": endpoint, "reachable": true, "answer_ms": took });
            vec![hub.details(details), token(reach.token)]
        }
        Err(error) => {
            let hub = Check::problem("hub", &error).details(json!({ "endpoint": endpoint, "reachable": false }));
            vec![hub, unchecked(set)]
        }
    }
}

fn token(state: TokenState) -> Check {
    match state {
        TokenState::NotSet => unchecked(false),
        TokenState::Accepted => Check::ok("token", "set, and the Hub accepts it"),
        TokenState::Refused => Check::problem(
            "token",
            &UserError::new(ErrorKind::Unauthorised, "set, and the Hub refuses it")
                .hint("it may have expired: log in again with `hf auth login`, or correct HF_TOKEN"),
        ),
    }
    .details(json!({ "set": state != TokenState::NotSet, "accepted": accepted(state) }))
}

fn accepted(state: TokenState) -> Option<bool> {
    match state {
        TokenState::NotSet => None,
        TokenState::Accepted => Some(true),
        TokenState::Refused => Some(false),
    }
}

fn unchecked(set: bool) -> Check {
    let message = if set { "set, and not tried" } else { "not set: enough for all models that are public" };
    let check = if set { Check::note("token", message) } else { Check::ok("token", message) };
    check.details(json!({ "set": set, "accepted": null }))
}
