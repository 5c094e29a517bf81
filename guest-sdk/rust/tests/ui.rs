//! Wrong uses do not compile, and the compiler's message says what to do. To bless: `TRYBUILD=overwrite`.

#[test]
fn wrong_uses_are_explained() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
