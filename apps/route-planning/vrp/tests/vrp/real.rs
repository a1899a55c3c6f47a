//! The real instances and solutions that the tests read, each with what is known of it.

/// A file as it was published.
#[derive(Clone, Copy)]
pub(crate) struct File {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its text.
    pub(crate) text: &'static str,
}

/// An instance with its solution.
#[derive(Clone, Copy)]
pub(crate) struct Real {
    /// The instance.
    pub(crate) instance: File,
    /// Its best known solution.
    pub(crate) solution: File,
}

macro_rules! file {
    ($name:literal) => {
        File { name: $name, text: include_str!(concat!("../../../data/", $name)) }
    };
}

/// A grocery delivery day, with a matrix of weights.
pub(crate) const ORTEC: Real =
    Real { instance: file!("ORTEC-n323-k21.vrp"), solution: file!("ORTEC-n323-k21.sol") };

/// Rounded Euclidean distances.
pub(crate) const AUGERAT: Real =
    Real { instance: file!("A-n32-k5.vrp"), solution: file!("A-n32-k5.sol") };

/// Time windows.
pub(crate) const SOLOMON: Real = Real { instance: file!("C101.txt"), solution: file!("C101.sol") };

/// All of them.
pub(crate) const ALL: [Real; 3] = [ORTEC, AUGERAT, SOLOMON];
