//! The likeliest mistakes with a unit of work do not compile, and the compiler says what to write.

#[test]
fn mistakes_are_refused_with_a_way_out() {
    trybuild::TestCases::new().compile_fail("tests/ui/fail/*.rs");
}

#[test]
fn the_front_door_compiles_as_it_is_documented() {
    trybuild::TestCases::new().pass("tests/ui/pass/*.rs");
}
