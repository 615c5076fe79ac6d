//! The cells of a series: the four small documents that move, and the only ones that do.

use crate::artifact::Ref;
use crate::document::DocumentError;
use crate::ending::Endings;
use crate::head::Head;
use crate::monitor::State;
use crate::reach::named_in;
use crate::registry::Registry;

/// One of a series' cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cell {
    /// The [`Head`], which ingestion moves.
    Head,
    /// The drift monitor's [`State`], which drift moves.
    Monitor,
    /// The [`Registry`], which evaluation moves.
    Registry,
    /// The [`Endings`], which prediction moves.
    Endings,
}

impl Cell {
    /// Every cell.
    pub const ALL: [Self; 4] = [Self::Head, Self::Monitor, Self::Registry, Self::Endings];

    /// The name of its document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Monitor => "monitor",
            Self::Registry => "registry",
            Self::Endings => "endings",
        }
    }

    /// The artifacts that the document in it names.
    ///
    /// # Errors
    /// Where the bytes are no such document.
    pub fn names_in(self, bytes: &[u8]) -> Result<Vec<Ref>, DocumentError> {
        match self {
            Self::Head => named_in::<Head>(bytes),
            Self::Monitor => named_in::<State>(bytes),
            Self::Registry => named_in::<Registry>(bytes),
            Self::Endings => named_in::<Endings>(bytes),
        }
    }
}
