//! Models of idp's protocols. There is nothing to use here: the models and the broken variants that
//! must be convicted are tests, under `tests/models`.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
