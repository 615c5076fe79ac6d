//! The broker's address and credentials as people write them: whether they can be meant, found out without a broker.

use async_nats::{ConnectOptions, ServerAddr};

/// A text that names no broker.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is no address in it.
    #[error("names no server; write one such as nats://127.0.0.1:4222, several with commas between them")]
    Empty,
    /// A part of it is no address.
    #[error("names `{address}`, which is no NATS server's address; write one such as nats://127.0.0.1:4222")]
    Malformed {
        /// The part, without a password.
        address: String,
    },
}

/// Finds out whether a text names brokers, without asking any.
///
/// # Errors
/// With the first part that does not.
pub fn check_address(url: &str) -> Result<(), AddressError> {
    let parts = addresses(url);
    if parts.is_empty() {
        return Err(AddressError::Empty);
    }
    match parts.into_iter().find(|part| !is_server(part)) {
        Some(part) => Err(AddressError::Malformed { address: without_password(part) }),
        None => Ok(()),
    }
}

/// Whether a text holds what a broker asks of a user: a JWT and the seed of its key.
pub fn are_credentials(text: &str) -> bool {
    ConnectOptions::with_credentials(text).is_ok()
}

fn is_server(address: &str) -> bool {
    let Ok(server) = address.parse::<ServerAddr>() else { return false };
    // Only a web socket lies at a path. Anything else with one is another kind of address: `nats:/host`.
    let has_path = |server: ServerAddr| !matches!(server.into_inner().path(), "" | "/");
    !server.host().is_empty() && (server.is_websocket() || !has_path(server))
}

/// The addresses of a cluster.
pub(super) fn addresses(url: &str) -> Vec<&str> {
    url.split(',').map(str::trim).filter(|part| !part.is_empty()).collect()
}

/// The address as it may be shown.
pub(crate) fn without_password(url: &str) -> String {
    let shown = addresses(url).into_iter().map(|address| match (address.split_once("://"), address.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) if !scheme.contains('@') => format!("{scheme}://{host}"),
        (_, Some((_, host))) => host.to_owned(),
        (_, None) => address.to_owned(),
    });
    shown.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_with_a_port_or_without_or_several_of_them() {
        let addresses = [
            "localhost",
            "broker:4222",
            "nats://127.0.0.1:4222",
            "nats://[::1]:4222/",
            "tls://user:secret@broker.example",
            "ws://broker/nats",
            "nats://a:4222, nats://b:4222",
        ];
        for address in addresses {
            assert_eq!(check_address(address), Ok(()), "{address}");
        }
    }

    #[test]
    fn what_is_no_address_is_told_without_its_password() {
        let malformed = [
            ("http://broker", "http://broker"),
            ("nats:/broker:4222", "nats:/broker:4222"),
            ("nats://broker:many", "nats://broker:many"),
            ("nats://broker:99999", "nats://broker:99999"),
            ("nats://broker/x", "nats://broker/x"),
            ("nats://", "nats://"),
            ("my broker", "my broker"),
            ("nats://fine, s3://user:secret@other", "s3://other"),
        ];
        for (text, address) in malformed {
            assert_eq!(check_address(text), Err(AddressError::Malformed { address: address.to_owned() }), "{text}");
        }
        assert_eq!(check_address(" , "), Err(AddressError::Empty));
    }

    #[test]
    fn a_password_is_never_shown() {
        assert_eq!(without_password("nats://user:secret@host:4222, tls://other"), "nats://host:4222,tls://other");
        assert_eq!(without_password("token@host"), "host");
        assert_eq!(without_password("user:secret@host://x"), "host://x");
    }
}
