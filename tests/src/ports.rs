//! Ports that nobody listens on.

use std::io;
use std::net::{Ipv4Addr, TcpListener};

/// Different free ports of this machine's loopback address.
///
/// They are free now; somebody may take one before it is used, so a server that can choose its port itself should, and
/// one that cannot should be started again on others.
///
/// # Errors
/// Where the system gives none.
pub fn free_ports<const N: usize>() -> io::Result<[u16; N]> {
    let mut ports = [0; N];
    // All held until all are known: otherwise the system may give the same one twice.
    let mut held = Vec::with_capacity(N);
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}
