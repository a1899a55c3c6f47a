//! What the derives refuse, and the words in which they say what to write instead.
//!
//! One mistake a file, named for the mistake. After a change of the words, look at every difference
//! that `TRYBUILD=overwrite cargo test -p idp-domain --test ui` makes: each must still say what to
//! write.

#[test]
fn mistakes_are_refused_with_what_to_write() {
    trybuild::TestCases::new().compile_fail("tests/ui/fail/*.rs");
}

#[test]
fn what_is_right_compiles() {
    trybuild::TestCases::new().pass("tests/ui/pass/*.rs");
}
