//! Who drains.

use super::textbook::Status;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contender {
    Bare,
    Ours,
    Textbook(Status),
}

impl Contender {
    pub(crate) const ALL: [Self; 4] =
        [Self::Bare, Self::Ours, Self::Textbook(Status::OfAll), Self::Textbook(Status::OfEach)];

    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Bare => "bare read",
            Self::Ours => "idp",
            Self::Textbook(Status::OfAll) => "textbook, status set-based",
            Self::Textbook(Status::OfEach) => "textbook, status row by row",
        }
    }

    /// How much of a backlog it drains. The textbook would take minutes for a large one.
    pub(crate) fn part_of(self, backlog: u64) -> u64 {
        match self {
            Self::Bare | Self::Ours => backlog,
            Self::Textbook(Status::OfAll) => backlog.min(100_000),
            Self::Textbook(Status::OfEach) => backlog.min(50_000),
        }
    }
}
