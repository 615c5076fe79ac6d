//! A line between a client and its broker that breaks at the worst moment: the broker heard, the client hears nothing.
#![allow(dead_code, reason = "no test file needs all of it")]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A line that works until it is told to break.
pub struct Line {
    /// The address for the client.
    pub url: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// What the client publishes last before the broker's answers are lost, once.
    words: Mutex<Option<String>>,
    cut: AtomicBool,
    bytes_back: AtomicUsize,
}

impl Line {
    pub async fn to(broker: &str) -> Self {
        let broker = broker.trim_start_matches("nats://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("nats://{}", listener.local_addr().unwrap());
        let state = Arc::<State>::default();
        let shared = state.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&broker).await.unwrap();
                tokio::spawn(carry(client, server, shared.clone()));
            }
        });
        Self { url, state }
    }

    /// Loses everything that the broker answers to a publication on this subject, and breaks.
    pub fn go_deaf_after(&self, subject: &str) {
        *self.state.words.lock().unwrap() = Some(format!("HPUB aria.v1.{subject}"));
    }

    /// How many bytes the broker has said to the client.
    pub fn bytes_back(&self) -> usize {
        self.state.bytes_back.load(Ordering::SeqCst)
    }

    pub fn was_cut(&self) -> bool {
        self.state.cut.load(Ordering::SeqCst)
    }
}

async fn carry(client: TcpStream, server: TcpStream, state: Arc<State>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let heard = state.clone();
    let deaf = watch::Sender::new(false);
    let mut is_deaf = deaf.subscribe();
    let there = async move {
        let mut bytes = vec![0; 64 << 10];
        while let Ok(count @ 1..) = from_client.read(&mut bytes).await {
            let said = String::from_utf8_lossy(&bytes[..count]).into_owned();
            if state.words.lock().unwrap().take_if(|words| said.contains(words.as_str())).is_some() {
                deaf.send_replace(true);
                state.cut.store(true, Ordering::SeqCst);
            }
            to_server.write_all(&bytes[..count]).await.unwrap();
        }
    };
    let back = async move {
        let mut bytes = vec![0; 64 << 10];
        while let Ok(count @ 1..) = from_server.read(&mut bytes).await {
            if *is_deaf.borrow_and_update() {
                // The broker has answered, so it has stored the message. Dropping both ends breaks the line.
                return;
            }
            heard.bytes_back.fetch_add(count, Ordering::SeqCst);
            to_client.write_all(&bytes[..count]).await.unwrap();
        }
    };
    tokio::select! {
        () = there => {}
        () = back => {}
    }
}
