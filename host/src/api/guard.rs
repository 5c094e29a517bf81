//! Who may come in: before any handler, for every route.
//!
//! A page of another site that a browser shows may send requests to loopback addresses. It cannot choose their `Host` (unless a name of its
//! own leads here, and then that is the host), nor hide its `Origin`; both must be this machine's. An engine that other machines reach has
//! names that it does not know; there the origin must be the host, and the token, which no browser adds by itself, does the rest. Then
//! the token, then its role.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{Shared, answer::ApiError};
use crate::control::tokens::{Admission, Caller, Door, Role};

/// What a route asks of who comes; none: anybody may.
pub(super) type Needs = Option<Role>;

pub(super) async fn guard(
    State((shared, needs)): State<(Shared, Needs)>,
    mut request: Request,
    next: Next,
) -> Response {
    match admit(&shared, needs, request.headers()) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(refusal) => {
            tracing::warn!(method = %request.method(), path = request.uri().path(), %refusal, "refused");
            refusal.into_response()
        }
    }
}

fn admit(shared: &Shared, needs: Needs, headers: &HeaderMap) -> Result<Caller, ApiError> {
    check_host(headers, shared.door)?;
    let Some(needs) = needs else { return Ok(Caller { name: "anybody".into(), role: Role::Read }) };
    let caller = match shared.engine.tokens().admit(bearer(headers), shared.door)? {
        Admission::As(caller) => caller,
        Admission::TokenMissing => return Err(ApiError::TokenMissing),
        Admission::TokenUnknown => return Err(ApiError::TokenUnknown),
    };
    if caller.role < needs {
        return Err(ApiError::Forbidden { name: caller.name, has: caller.role.name(), needs: needs.name() });
    }
    Ok(caller)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

fn check_host(headers: &HeaderMap, door: Door) -> Result<(), ApiError> {
    let text = |name| headers.get(name).map(|value: &header::HeaderValue| value.to_str().unwrap_or("?"));
    let host = text(header::HOST);
    if let Some(foreign) = host.filter(|host| door == Door::Local && !is_local(host)) {
        return Err(ApiError::Foreign(foreign.to_owned()));
    }
    let own = |name: &str| match door {
        Door::Local => is_local(name),
        Door::Exposed => host.is_some_and(|host| host.eq_ignore_ascii_case(name)),
    };
    match text(header::ORIGIN) {
        Some(origin) if !origin.split_once("://").is_some_and(|(_, name)| own(name)) => {
            Err(ApiError::Foreign(origin.to_owned()))
        }
        _ => Ok(()),
    }
}

/// A name of this machine, with or without a port.
fn is_local(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_this_machine_are_known() {
        for host in ["localhost", "LOCALHOST:7117", "127.0.0.1", "127.0.0.1:7117", "[::1]:7117", "[::1]", "127.8.8.8:1"]
        {
            assert!(is_local(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:7117",
            "localhost.evil.example",
            "10.0.0.1:7117",
            "127.0.0.1.nip.io",
            "[::2]:1",
            "null",
        ] {
            assert!(!is_local(host), "{host}");
        }
    }

    #[test]
    fn pages_of_other_sites_are_kept_out() {
        let admitted = |door, host: &'static str, origin: &'static str| {
            let mut headers = HeaderMap::from_iter([(header::HOST, header::HeaderValue::from_static(host))]);
            if !origin.is_empty() {
                headers.insert(header::ORIGIN, header::HeaderValue::from_static(origin));
            }
            check_host(&headers, door).is_ok()
        };
        for (host, origin) in [("localhost:7117", ""), ("localhost:7117", "http://localhost:7117")] {
            assert!(admitted(Door::Local, host, origin) && admitted(Door::Exposed, host, origin), "{host} {origin}");
        }
        for (host, origin) in [("localhost:7117", "https://evil.example"), ("localhost:7117", "null")] {
            assert!(!admitted(Door::Local, host, origin) && !admitted(Door::Exposed, host, origin), "{host} {origin}");
        }
        assert!(!admitted(Door::Local, "evil.example", "") && admitted(Door::Exposed, "stream.example:7117", ""));
        assert!(admitted(Door::Exposed, "stream.example:7117", "https://Stream.example:7117"));
        assert!(!admitted(Door::Exposed, "stream.example:7117", "https://stream.example:7118"));
    }

    #[test]
    fn tokens_are_found_in_headers() {
        let header = |value: &str| HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]);
        assert_eq!(bearer(&header("Bearer abc")), Some("abc"));
        assert_eq!(bearer(&header("bearer  abc ")), Some("abc"));
        assert_eq!(
            (bearer(&header("Basic abc")), bearer(&header("abc")), bearer(&HeaderMap::new())),
            (None, None, None)
        );
    }
}
