//! What can go wrong, as data: which fault, where, and how it reads in one line.

use std::fmt;
use std::time::Duration;

/// A service of the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// Takes batches in.
    Ingestion,
    /// Fits models.
    Training,
    /// Compares models.
    Evaluation,
    /// Watches every batch.
    Drift,
    /// Makes forecasts.
    Prediction,
    /// Answers HTTP.
    Gateway,
}

impl Service {
    /// The services that consume events.
    pub const WORKERS: [Self; 5] = [Self::Ingestion, Self::Training, Self::Evaluation, Self::Drift, Self::Prediction];

    /// Its name, as `aria serve` takes it and its consumer has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ingestion => "ingestion",
            Self::Training => "training",
            Self::Evaluation => "evaluation",
            Self::Drift => "drift",
            Self::Prediction => "prediction",
            Self::Gateway => "gateway",
        }
    }

    /// What it publishes: the beginning of the subject after the root.
    pub fn publishes(self) -> &'static str {
        match self {
            Self::Ingestion => "batch.accepted",
            Self::Training => "model.trained",
            Self::Evaluation => "model.",
            Self::Drift => "drift.checked",
            Self::Prediction => "forecast.",
            Self::Gateway => "batch.received",
        }
    }

    /// The bucket of the cells that it moves; none where it moves none.
    pub fn moves(self) -> Option<&'static str> {
        match self {
            Self::Ingestion => Some("heads"),
            Self::Evaluation => Some("registry"),
            Self::Drift => Some("monitors"),
            Self::Prediction => Some("endings"),
            Self::Training | Self::Gateway => None,
        }
    }

    /// A fact that it consumes and no other service does.
    pub fn consumes(self) -> &'static str {
        match self {
            Self::Ingestion | Self::Gateway => "batch.received",
            Self::Training => "retraining.requested",
            Self::Evaluation => "model.trained",
            Self::Drift => "batch.accepted",
            Self::Prediction => "drift.checked",
        }
    }
}

/// Who stands at the near end of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A replica of a service, counted from 1.
    Replica(Service, u8),
    /// Whoever hands the batches in.
    Feeder,
}

/// What stands at the far end of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Peer {
    /// NATS.
    Broker,
    /// S3.
    Store,
}

/// What happens to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Every connection is broken and none can be made.
    Cut,
    /// Everything comes this much later.
    Late(Duration),
    /// Nothing passes, in either direction; it passes when the trouble is over.
    Still,
    /// What the far end says is lost, and the connection breaks when the trouble is over.
    Deaf,
}

/// At which moment of a publication a service is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Before the broker has it.
    Unsent,
    /// When the broker has it and the service does not know.
    Stored,
}

/// What the S3 server does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misdeed {
    /// Answers with this status; every other time after it has done what it was asked for.
    Status(u16),
    /// Answers late, and slowly.
    Slow,
    /// Breaks the connection in the middle of a body.
    Truncated,
    /// Gives a body in which one byte is another.
    Corrupted,
    /// Is given a body in which one byte is another.
    CorruptedUpload,
}

/// What lies under an artifact's name before the artifact is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rot {
    /// Nothing but the name.
    Empty,
    /// The first half.
    Half,
    /// All of it, one byte of which is another.
    Flipped,
}

/// Under which message id a stored message is published a second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Id {
    /// Its own: the broker refuses it.
    Own,
    /// Another one: the services see it twice.
    Foreign,
}

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A replica is killed, and started again after the time that the fault lasts.
    Kill(Service, u8),
    /// All replicas of a service are killed.
    KillAll(Service),
    /// Whichever replica publishes next is killed amid it.
    KillAt(Service, Moment),
    /// A replica stands still for longer than the broker waits for it, and then goes on as if nothing had been.
    Freeze(Service, u8),
    /// Whichever replica writes a cell next has the write under way until another replica has done its work.
    HoldWrite(Service),
    /// The broker is killed, and started again on the same data.
    KillBroker,
    /// The S3 server is killed, and started again on the same data.
    KillStore,
    /// A line has trouble.
    Line(Place, Peer, Trouble),
    /// The S3 server does something wrong, once in so many requests.
    Store(Misdeed, u64),
    /// The disk under the store has no room.
    FullDisk,
    /// Garbage lies under the name of an artifact that is not written yet.
    Planted(Rot),
    /// A stored message is published again.
    Duplicate(Service, Id),
    /// An announcement of a batch is published again, under another id, while all of ingestion stands still: what is
    /// handed in next comes after a copy of an old batch, with newer ones that nobody has taken up.
    Overtaken,
    /// Somebody takes messages of a service's consumer and hands them back for later.
    Postpone(Service, u64),
    /// Somebody takes messages of a service's consumer and never answers.
    Keep(Service, u64),
    /// The clock of a replica jumps by so many seconds, and back when the fault is over.
    Jump(Service, u8, i64),
    /// A message that is no event is published where a service reads.
    Poison(Service),
}

impl Fault {
    /// Every kind, for the table of what happened.
    pub const KINDS: [&str; 27] = [
        "kill",
        "kill all",
        "kill unsent",
        "kill stored",
        "freeze",
        "hold write",
        "kill broker",
        "kill s3",
        "cut",
        "late",
        "still",
        "deaf",
        "s3 500",
        "s3 503",
        "s3 slow",
        "s3 truncated",
        "s3 corrupted",
        "s3 corrupted upload",
        "full disk",
        "planted",
        "duplicate",
        "foreign duplicate",
        "overtaken",
        "postpone",
        "keep",
        "clock",
        "poison",
    ];

    /// Its kind, one of [`Self::KINDS`].
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Kill(..) => "kill",
            Self::KillAll(_) => "kill all",
            Self::KillAt(_, Moment::Unsent) => "kill unsent",
            Self::KillAt(_, Moment::Stored) => "kill stored",
            Self::Freeze(..) => "freeze",
            Self::HoldWrite(_) => "hold write",
            Self::KillBroker => "kill broker",
            Self::KillStore => "kill s3",
            Self::Line(_, _, Trouble::Cut) => "cut",
            Self::Line(_, _, Trouble::Late(_)) => "late",
            Self::Line(_, _, Trouble::Still) => "still",
            Self::Line(_, _, Trouble::Deaf) => "deaf",
            Self::Store(Misdeed::Status(500), _) => "s3 500",
            Self::Store(Misdeed::Status(_), _) => "s3 503",
            Self::Store(Misdeed::Slow, _) => "s3 slow",
            Self::Store(Misdeed::Truncated, _) => "s3 truncated",
            Self::Store(Misdeed::Corrupted, _) => "s3 corrupted",
            Self::Store(Misdeed::CorruptedUpload, _) => "s3 corrupted upload",
            Self::FullDisk => "full disk",
            Self::Planted(_) => "planted",
            Self::Duplicate(_, Id::Own) => "duplicate",
            Self::Duplicate(_, Id::Foreign) => "foreign duplicate",
            Self::Overtaken => "overtaken",
            Self::Postpone(..) => "postpone",
            Self::Keep(..) => "keep",
            Self::Jump(..) => "clock",
            Self::Poison(_) => "poison",
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replica(service, number) => write!(f, "{}-{number}", service.name()),
            Self::Feeder => f.write_str("feeder"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        match self {
            Self::Kill(service, number) | Self::Freeze(service, number) => write!(f, " {}-{number}", service.name()),
            Self::KillAll(service) | Self::KillAt(service, _) | Self::Poison(service) | Self::Duplicate(service, _) => {
                write!(f, " {}", service.name())
            }
            Self::HoldWrite(service) => write!(f, " of {}", service.moves().unwrap_or_default()),
            Self::Line(place, peer, trouble) => {
                write!(f, " {place} to {}", if *peer == Peer::Broker { "broker" } else { "store" })?;
                if let Trouble::Late(by) = trouble { write!(f, " by {} ms", by.as_millis()) } else { Ok(()) }
            }
            Self::Store(_, times) => write!(f, ", once in {times}"),
            Self::Planted(rot) => write!(f, " {rot:?}").map(drop),
            Self::Postpone(service, messages) | Self::Keep(service, messages) => {
                write!(f, " {messages} of {}", service.name())
            }
            Self::Jump(service, number, seconds) => write!(f, " of {}-{number} by {seconds} s", service.name()),
            Self::KillBroker | Self::KillStore | Self::FullDisk | Self::Overtaken => Ok(()),
        }
    }
}
