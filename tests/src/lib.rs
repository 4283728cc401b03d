//! Tests of Vanus as a whole. What is under test is elsewhere; the tests are in `it/`.
