//! The protocols of idp as models, checked over all interleavings within small bounds; and for each,
//! broken variants that must be convicted.

mod verdict;

mod visibility;

mod lease;

mod purge;
