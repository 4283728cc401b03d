//! Examples of Vanus; each file beside this one is a program: `cargo run --example embedded`.
