//! A schedule: what is handed in, to which world, and what goes wrong when. Pure data, drawn from a seed.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use super::draw::Draw;
use super::fault::{Fault, Id, Misdeed, Moment, Peer, Place, Rot, Service, Trouble};
use super::input::{DAYS, Input};

/// Where artifacts lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// In a bucket of a real S3 server.
    S3,
    /// In a folder on a small disk of its own.
    Folder,
}

/// What happens in one run of the platform.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// What it was drawn from.
    pub seed: u64,
    /// What is handed in.
    pub input: Input,
    /// Where artifacts lie.
    pub storage: Storage,
    /// Services that run in two replicas; every other one runs in one.
    pub doubled: BTreeSet<Service>,
    /// How many batches are under way at most before the next one is handed in.
    pub ahead: u64,
    /// What goes wrong, in the order of its beginning.
    pub steps: Vec<Step>,
}

/// A fault and when it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// It begins when so many batches have ended.
    pub after: u64,
    /// What goes wrong.
    pub fault: Fault,
    /// For how long.
    pub lasting: Duration,
}

/// Faults of a schedule at least and at most, [`Fault::Overtaken`] apart, which comes on top.
const FEWEST: u64 = 7;
const MOST: u64 = 10;

impl Schedule {
    /// The schedule of a seed.
    pub fn of(seed: u64) -> Self {
        let mut draw = Draw::of(seed);
        let storage = draw.pick(Storage::S3, &[Storage::S3, Storage::S3, Storage::Folder, Storage::Folder]);
        let input = match storage {
            Storage::Folder if draw.once_in(2) => Input::Uploads,
            Storage::Folder | Storage::S3 => draw.pick(Input::Plain, &[Input::Mixed, Input::Lost]),
        };
        let mut doubled: BTreeSet<Service> = Service::WORKERS.into_iter().filter(|_| draw.once_in(3)).collect();
        let mut ahead = draw.pick(1, &[3, 100]);
        let count = draw.within(FEWEST..=MOST);
        let mut steps: Vec<Step> = Vec::new();
        while steps.len() < count as usize {
            let step = step(&mut draw, storage, input);
            // A kind once in a schedule, so that a few schedules hold them all.
            if steps.iter().all(|earlier| earlier.fault.kind() != step.fault.kind()) {
                if let Fault::HoldWrite(service) = step.fault {
                    doubled.insert(service);
                }
                steps.push(step);
            }
        }
        // Only the gateway looks for the last batch in a process of its own.
        if input == Input::Uploads && draw.once_in(3) {
            let (after, lasting) = (draw.within(1..=DAYS - 20), draw.millis(1_500..=2_500));
            steps.push(Step { after, fault: Fault::Overtaken, lasting });
            ahead = 10;
        }
        steps.sort_by_key(|step| step.after);
        let mut schedule = Self { seed, input, storage, doubled, ahead, steps };
        schedule.steps.iter_mut().for_each(|step| place_on(&schedule.doubled, &mut step.fault));
        schedule
    }

    /// The same input in the same world, and nothing goes wrong.
    pub fn undisturbed(input: Input) -> Self {
        Self { seed: 0, input, storage: Storage::Folder, doubled: BTreeSet::new(), ahead: 1, steps: Vec::new() }
    }

    /// Every process of it.
    pub fn replicas(&self) -> Vec<(Service, u8)> {
        let mut all = Vec::new();
        for service in Service::WORKERS {
            all.push((service, 1));
            if self.doubled.contains(&service) {
                all.push((service, 2));
            }
        }
        if self.input == Input::Uploads {
            all.push((Service::Gateway, 1));
        }
        all
    }

    /// Whether the services run under a clock that can jump.
    pub fn needs_clock(&self) -> bool {
        self.input == Input::Uploads || self.steps.iter().any(|step| matches!(step.fault, Fault::Jump(..)))
    }
}

/// A second replica where there is one; else the first.
fn place_on(doubled: &BTreeSet<Service>, fault: &mut Fault) {
    if let Fault::Kill(service, number)
    | Fault::Freeze(service, number)
    | Fault::Jump(service, number, _)
    | Fault::Line(Place::Replica(service, number), _, _) = fault
        && !doubled.contains(service)
    {
        *number = 1;
    }
}

fn worker(draw: &mut Draw) -> Service {
    draw.pick(Service::Ingestion, &[Service::Training, Service::Evaluation, Service::Drift, Service::Prediction])
}

/// A service that is busy with every batch.
fn busy(draw: &mut Draw) -> Service {
    draw.pick(Service::Ingestion, &[Service::Drift, Service::Prediction])
}

fn step(draw: &mut Draw, storage: Storage, input: Input) -> Step {
    let after = draw.within(0..=DAYS - 2);
    let (fault, lasting) = fault(draw, storage, input);
    // The first model is trained with the first batch: who waits for a training has to wait from the beginning.
    let after = match fault {
        Fault::KillAt(Service::Training | Service::Evaluation, _) | Fault::HoldWrite(Service::Evaluation) => 0,
        _ => after,
    };
    Step { after, fault, lasting }
}

fn fault(draw: &mut Draw, storage: Storage, input: Input) -> (Fault, Duration) {
    match draw.within(0..=if storage == Storage::S3 { 18 } else { 13 }) {
        0 => (Fault::Kill(worker(draw), draw.pick(1, &[2])), draw.millis(0..=1_000)),
        1 => (Fault::KillAll(worker(draw)), draw.millis(0..=1_000)),
        2 => (Fault::KillAt(worker(draw), Moment::Unsent), draw.millis(0..=500)),
        3 => (Fault::KillAt(worker(draw), Moment::Stored), draw.millis(0..=500)),
        4 => (Fault::Freeze(busy(draw), draw.pick(1, &[2])), draw.millis(1_500..=2_500)),
        5 => (Fault::KillBroker, draw.millis(0..=1_500)),
        6 => (Fault::Line(place(draw, input), Peer::Broker, trouble(draw)), draw.millis(500..=2_500)),
        7 => (Fault::Duplicate(worker(draw), draw.pick(Id::Own, &[Id::Foreign])), Duration::ZERO),
        8 => (Fault::Postpone(busy(draw), draw.within(1..=4)), draw.millis(300..=2_000)),
        9 => (Fault::Keep(busy(draw), draw.within(1..=4)), draw.millis(300..=1_500)),
        10 => (Fault::Planted(draw.pick(Rot::Empty, &[Rot::Half, Rot::Flipped])), Duration::ZERO),
        11 => (Fault::Poison(worker(draw)), Duration::ZERO),
        12 => (jump(draw), draw.millis(500..=2_000)),
        13 if storage == Storage::Folder => (Fault::FullDisk, draw.millis(500..=2_000)),
        13 => (Fault::HoldWrite(holder(draw)), draw.millis(1_500..=2_500)),
        14 => (Fault::Line(place(draw, input), Peer::Store, trouble(draw)), draw.millis(500..=2_000)),
        15 if draw.once_in(3) => (Fault::KillStore, draw.millis(0..=1_000)),
        15 => (Fault::HoldWrite(holder(draw)), draw.millis(1_500..=2_500)),
        _ => (Fault::Store(misdeed(draw), draw.within(1..=4)), draw.millis(500..=2_000)),
    }
}

fn holder(draw: &mut Draw) -> Service {
    draw.pick(Service::Ingestion, &[Service::Ingestion, Service::Drift, Service::Prediction, Service::Evaluation])
}

fn jump(draw: &mut Draw) -> Fault {
    // Minutes, a day, a year; forth and back.
    let seconds = draw.pick(300_i64, &[86_400, 31_536_000]);
    Fault::Jump(worker(draw), draw.pick(1, &[2]), if draw.once_in(2) { -seconds } else { seconds })
}

fn place(draw: &mut Draw, input: Input) -> Place {
    match input {
        Input::Uploads if draw.once_in(5) => Place::Replica(Service::Gateway, 1),
        Input::Plain | Input::Mixed | Input::Lost if draw.once_in(5) => Place::Feeder,
        _ => Place::Replica(busy(draw), draw.pick(1, &[2])),
    }
}

fn trouble(draw: &mut Draw) -> Trouble {
    let late = Trouble::Late(draw.millis(20..=250));
    draw.pick(late, &[Trouble::Cut, Trouble::Still, Trouble::Deaf])
}

fn misdeed(draw: &mut Draw) -> Misdeed {
    let others =
        [Misdeed::Status(503), Misdeed::Slow, Misdeed::Truncated, Misdeed::Corrupted, Misdeed::CorruptedUpload];
    draw.pick(Misdeed::Status(500), &others)
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let doubled: Vec<&str> = self.doubled.iter().map(|service| service.name()).collect();
        writeln!(
            f,
            "seed {}: {:?} into {:?}, {} under way at most, two replicas of: {}",
            self.seed,
            self.input,
            self.storage,
            self.ahead,
            if doubled.is_empty() { "none".to_owned() } else { doubled.join(", ") }
        )?;
        for Step { after, fault, lasting } in &self.steps {
            writeln!(f, "  after batch {after:>2}: {fault}, for {} ms", lasting.as_millis())?;
        }
        Ok(())
    }
}
