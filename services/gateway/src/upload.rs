//! Takes the body of an upload in: within what its series allows, what this process may hold at once, and the time that
//! a client may take.

use std::sync::Arc;
use std::time::Duration;

use aria_core::series::Definition;
use axum::body::{Body, HttpBody};
use futures::StreamExt;
use metrics::gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::Problem;

/// Room is given in blocks of this many bytes.
const BLOCK: u64 = 64 << 10;
/// How long a client may send nothing.
const STANDSTILL: Duration = Duration::from_secs(30);
/// How long a body may take in all.
const WHOLE: Duration = Duration::from_secs(900);
/// How long an upload waits for room before it is refused. Nothing of it is read meanwhile: its sender is held back.
const FOR_ROOM: Duration = Duration::from_secs(10);
/// What is read of a refused body and thrown away, so that a client that writes it all before it reads sees why, and
/// for how long.
const PASSED_OVER: usize = 256 << 20;
const PASSING_OVER: Duration = Duration::from_secs(60);
/// After how long without a byte a refused client is taken to wait for its answer.
const SILENCE: Duration = Duration::from_millis(500);

/// The room for the uploads that one process holds at once.
#[derive(Clone, Debug)]
pub(crate) struct Uploads {
    room: Arc<Semaphore>,
}

/// Room for an upload; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Room {
    room: Arc<Semaphore>,
    taken: OwnedSemaphorePermit,
}

/// An upload that has arrived, with the room that it takes.
#[derive(Debug)]
pub(crate) struct Upload {
    pub(crate) bytes: Vec<u8>,
    pub(crate) room: Room,
}

impl Uploads {
    pub(crate) fn new(most_bytes: u64) -> Self {
        let blocks = usize::try_from(blocks(most_bytes)).unwrap_or(usize::MAX);
        Self { room: Arc::new(Semaphore::new(blocks.min(Semaphore::MAX_PERMITS))) }
    }

    /// Waits for room for what a body says that it has, before any of it is read.
    pub(crate) async fn reserve(&self, definition: &Definition, announced: Option<u64>) -> Result<Room, Problem> {
        let announced = announced.unwrap_or(0);
        let most = definition.contract.upload_bytes;
        if announced > most {
            return Err(Problem::TooLarge { most });
        }
        let wanted = u32::try_from(blocks(announced.max(BLOCK))).map_err(|_| Problem::NoRoom)?;
        let taken = timeout(FOR_ROOM, Arc::clone(&self.room).acquire_many_owned(wanted)).await;
        let taken = taken.map_err(|_| Problem::NoRoom)?.map_err(|_| Problem::NoRoom)?;
        gauge!("aria_uploads_bytes").increment((taken.num_permits() as u64 * BLOCK) as f64);
        Ok(Room { room: Arc::clone(&self.room), taken })
    }
}

impl Room {
    /// Takes more where a body turns out to be longer than it said.
    fn cover(&mut self, bytes: u64) -> Result<(), Problem> {
        let covered = self.taken.num_permits() as u64 * BLOCK;
        if bytes > covered {
            let more = take(&self.room, bytes - covered)?;
            gauge!("aria_uploads_bytes").increment((more.num_permits() as u64 * BLOCK) as f64);
            self.taken.merge(more);
        }
        Ok(())
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        gauge!("aria_uploads_bytes").decrement((self.taken.num_permits() as u64 * BLOCK) as f64);
    }
}

/// Reads a body to its end.
pub(crate) async fn read(definition: &Definition, mut room: Room, body: Body) -> Result<Upload, Problem> {
    let most = definition.contract.upload_bytes;
    let mut bytes = Vec::with_capacity(usize::try_from(body.size_hint().exact().unwrap_or(0)).unwrap_or(0));
    let mut parts = body.into_data_stream();
    let reading = async {
        while let Some(part) = timeout(STANDSTILL, parts.next()).await.map_err(|_| Problem::Slow)? {
            let part = part.map_err(|error| Problem::Body { said: error.to_string() })?;
            let length = (bytes.len() + part.len()) as u64;
            if length > most {
                return Err(Problem::TooLarge { most });
            }
            room.cover(length)?;
            if bytes.capacity() < bytes.len() + part.len() {
                // By a quarter and not twofold: what is set aside is counted once.
                bytes.reserve_exact(part.len().max(bytes.len() / 4));
            }
            bytes.extend_from_slice(&part);
        }
        Ok(())
    };
    timeout(WHOLE, reading).await.map_err(|_| Problem::Slow)??;
    Ok(Upload { bytes, room })
}

/// Reads on for a moment where a body is refused.
pub(crate) async fn pass_over(body: Body) {
    let mut parts = body.into_data_stream();
    let passing = async {
        let mut passed = 0;
        while let Ok(Some(Ok(part))) = timeout(SILENCE, parts.next()).await {
            passed += part.len();
            if passed > PASSED_OVER {
                return;
            }
        }
    };
    // Whoever sends more than that learns by the connection's end.
    let _ = timeout(PASSING_OVER, passing).await;
}

fn take(room: &Arc<Semaphore>, bytes: u64) -> Result<OwnedSemaphorePermit, Problem> {
    let wanted = u32::try_from(blocks(bytes)).map_err(|_| Problem::NoRoom)?;
    Arc::clone(room).try_acquire_many_owned(wanted).map_err(|_| Problem::NoRoom)
}

fn blocks(bytes: u64) -> u64 {
    bytes.div_ceil(BLOCK)
}
