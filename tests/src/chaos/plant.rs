//! Puts garbage under the name of an artifact that is still to be written.

use anyhow::Result;
use bytes::Bytes;
use object_store::path::Path as Key;
use object_store::{Error, ObjectStore, PutMode, PutPayload};

use super::draw::Draw;
use super::fault::Rot;
use super::record::{self, Record};
use super::world::{Store, World};

/// Kinds that are written for every batch, and read later.
const KINDS: [&str; 4] = ["snapshot/", "batch/", "report/", "values/"];
/// Names that are tried.
const TRIES: u64 = 40;

/// Plants garbage; false where everything of the undisturbed run is there already.
pub(super) async fn plant(world: &World, expected: &Record, rot: Rot, seed: u64) -> Result<bool> {
    let mut draw = Draw::of(seed ^ 0x0070_6c61_6e74);
    let is_written_late = |key: &&String| KINDS.iter().any(|kind| key.starts_with(kind));
    let keys: Vec<&String> = expected.artifacts.keys().filter(is_written_late).collect();
    for _ in 0..TRIES {
        let place = draw.within(0..=keys.len().saturating_sub(1) as u64) as usize;
        let Some(key) = keys.get(place) else { return Ok(false) };
        let Some(bytes) = expected.artifacts.get(*key) else { return Ok(false) };
        if create(world, key, rotten(bytes, rot)).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn rotten(bytes: &Bytes, rot: Rot) -> Bytes {
    match rot {
        Rot::Empty => Bytes::new(),
        Rot::Half => bytes.slice(..bytes.len() / 2),
        Rot::Flipped => {
            let mut flipped = bytes.to_vec();
            if let Some(byte) = flipped.get_mut(bytes.len() / 2) {
                *byte ^= 1;
            }
            flipped.into()
        }
    }
}

/// Writes a file that is not there; false where it is.
async fn create(world: &World, key: &str, bytes: Bytes) -> Result<bool> {
    if let Some(bucket) = record::bucket(&world.store).await? {
        return match bucket.put_opts(&Key::from(key), PutPayload::from(bytes), PutMode::Create.into()).await {
            Ok(_) => Ok(true),
            Err(Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        };
    }
    let Store::Folder(disk) = &world.store else { return Ok(false) };
    let file = disk.folder().join(key);
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    match std::fs::File::create_new(&file) {
        Ok(mut file) => {
            std::io::Write::write_all(&mut file, &bytes)?;
            Ok(true)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error.into()),
    }
}
