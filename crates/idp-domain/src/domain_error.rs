//! Refusals: what the domain answers when a rule forbids what was asked.

/// A refusal in the words of the business. Derived for an enum, one variant a rule:
///
/// ```
/// use idp_domain::DomainError;
///
/// #[derive(DomainError, Debug, PartialEq)]
/// pub enum DoorError {
///     #[error("the door is locked")]
///     Locked,
///     #[error("{count} people do not fit through a door for {width}")]
///     TooNarrow { count: u32, width: u32 },
/// }
///
/// assert_eq!(DoorError::Locked.to_string(), "the door is locked");
/// assert_eq!(DoorError::TooNarrow { count: 3, width: 2 }.code(), "too_narrow");
/// ```
pub trait DomainError: std::error::Error + Send + Sync + 'static {
    /// A stable, machine-readable name of the rule: the variant in snake case.
    fn code(&self) -> &'static str;
}
