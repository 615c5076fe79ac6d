//! A line between a process and the broker or the store, through which every byte goes: it can be cut, late, still or
//! deaf, and it can catch a process at the very moment of a certain request.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::fault::Trouble;

const CHUNK: usize = 64 << 10;

/// A line that works until it is told otherwise. Dropping it breaks it for good.
#[derive(Debug)]
pub struct Line {
    address: SocketAddr,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct State {
    trouble: watch::Sender<Option<Trouble>>,
    snares: Mutex<Vec<Snare>>,
    /// Connections that were broken, chunks that came late or were held, bytes that were lost.
    broken: AtomicU64,
    held: AtomicU64,
    lost: AtomicU64,
}

/// What the line did to those who use it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Harm {
    /// Connections that were broken.
    pub broken: u64,
    /// Chunks that came late or were held.
    pub held: u64,
    /// Bytes that were lost.
    pub lost: u64,
}

/// Waits for a request with these words in it.
#[derive(Debug)]
struct Snare {
    words: String,
    catch: Catch,
    tell: Option<oneshot::Sender<()>>,
}

/// What becomes of a request for which a snare was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Catch {
    /// It is not passed on, nor is anything after it.
    Stop,
    /// It is passed on, and the answer is not.
    Deafen,
    /// It, and everything after it, is passed on later.
    Hold(Duration),
}

impl Line {
    /// A line to the far end.
    ///
    /// # Errors
    /// Where the system gives no port.
    pub async fn to(far_end: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no port for a line")?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let accepting = tokio::spawn(async move {
            let mut carried = tokio::task::JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                while carried.try_join_next().is_some() {}
                carried.spawn(carry(near, far_end, Arc::clone(&shared)));
            }
        });
        Ok(Self { address, state, accepting })
    }

    /// Its near end.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes trouble, or ends it.
    pub fn set(&self, trouble: Option<Trouble>) {
        self.state.trouble.send_replace(trouble);
    }

    /// Sets a snare for the next request with these words; what is given comes when it closes, for [`Catch::Deafen`]
    /// when the far end has answered.
    pub fn snare(&self, words: &str, catch: Catch) -> oneshot::Receiver<()> {
        let (tell, told) = oneshot::channel();
        self.state.snares().push(Snare { words: words.to_owned(), catch, tell: Some(tell) });
        told
    }

    /// Takes every snare away.
    pub fn clear(&self) {
        self.state.snares().clear();
    }

    /// What it did so far.
    pub fn harm(&self) -> Harm {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Harm { broken: read(&self.state.broken), held: read(&self.state.held), lost: read(&self.state.lost) }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl State {
    fn snares(&self) -> std::sync::MutexGuard<'_, Vec<Snare>> {
        self.snares.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The snare that this request closes.
    fn caught(&self, request: &[u8]) -> Option<Snare> {
        let mut snares = self.snares();
        let closes = |snare: &Snare| {
            let words = snare.words.as_bytes();
            request.windows(words.len()).any(|part| part == words)
        };
        let place = snares.iter().position(closes)?;
        Some(snares.swap_remove(place))
    }
}

impl Snare {
    fn tell(&mut self) {
        if let Some(tell) = self.tell.take() {
            // Nobody may be waiting any longer.
            let _ = tell.send(());
        }
    }
}

/// Carries one connection until either end closes it or the line breaks it.
async fn carry(near: TcpStream, far_end: SocketAddr, state: Arc<State>) {
    if *state.trouble.borrow() == Some(Trouble::Cut) {
        state.broken.fetch_add(1, Ordering::Relaxed);
        return;
    }
    let Ok(far) = TcpStream::connect(far_end).await else { return };
    for side in [&near, &far] {
        // Chunks are what is said; waiting for more would only slow it down.
        side.set_nodelay(true).ok();
    }
    let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
    let deafened = Arc::new(Mutex::new(None));
    tokio::select! {
        () = there(near_read, far_write, &state, &deafened) => {}
        () = back(far_read, near_write, &state, &deafened) => {}
        () = cut(&state) => {
            state.broken.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn cut(state: &State) {
    let mut trouble = state.trouble.subscribe();
    if trouble.wait_for(|trouble| *trouble == Some(Trouble::Cut)).await.is_err() {
        std::future::pending::<()>().await;
    }
}

type Deafened = Arc<Mutex<Option<Snare>>>;

async fn there(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, state: &State, deafened: &Deafened) {
    let mut bytes = vec![0; CHUNK];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        let said = bytes.get(..count).unwrap_or_default();
        if let Some(mut snare) = state.caught(said) {
            state.held.fetch_add(1, Ordering::Relaxed);
            match snare.catch {
                Catch::Stop => {
                    snare.tell();
                    return std::future::pending().await;
                }
                Catch::Deafen => *deafened.lock().unwrap_or_else(PoisonError::into_inner) = Some(snare),
                Catch::Hold(time) => {
                    snare.tell();
                    tokio::time::sleep(time).await;
                }
            }
        }
        pass(state).await;
        if to.write_all(said).await.is_err() {
            return;
        }
    }
}

async fn back(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, state: &State, deafened: &Deafened) {
    let mut bytes = vec![0; CHUNK];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        let snare = deafened.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut snare) = snare {
            // The far end has answered, so it has done what it was asked for.
            state.lost.fetch_add(count as u64, Ordering::Relaxed);
            snare.tell();
            return std::future::pending().await;
        }
        if *state.trouble.borrow() == Some(Trouble::Deaf) {
            state.lost.fetch_add(count as u64, Ordering::Relaxed);
            hear_nothing(&mut from, state).await;
            state.broken.fetch_add(1, Ordering::Relaxed);
            return;
        }
        pass(state).await;
        if to.write_all(bytes.get(..count).unwrap_or_default()).await.is_err() {
            return;
        }
    }
}

/// Loses what the far end says as long as the line is deaf.
async fn hear_nothing(from: &mut OwnedReadHalf, state: &State) {
    let mut trouble = state.trouble.subscribe();
    let mut bytes = vec![0; CHUNK];
    loop {
        tokio::select! {
            over = trouble.wait_for(|trouble| *trouble != Some(Trouble::Deaf)) => {
                drop(over);
                return;
            }
            read = from.read(&mut bytes) => match read {
                Ok(count @ 1..) => drop(state.lost.fetch_add(count as u64, Ordering::Relaxed)),
                Ok(0) | Err(_) => return,
            },
        }
    }
}

/// Waits as long as the line makes what passes wait.
async fn pass(state: &State) {
    let now = *state.trouble.borrow();
    match now {
        Some(Trouble::Late(by)) => {
            state.held.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(by).await;
        }
        Some(Trouble::Still) => {
            state.held.fetch_add(1, Ordering::Relaxed);
            let mut trouble = state.trouble.subscribe();
            // The sender lives as long as the line does.
            let _ = trouble.wait_for(|trouble| *trouble != Some(Trouble::Still)).await;
        }
        Some(Trouble::Cut | Trouble::Deaf) | None => {}
    }
}
