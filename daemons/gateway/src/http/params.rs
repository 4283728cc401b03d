//! Query parameters and parts of paths.

use std::{fmt::Display, str::FromStr};

use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};
use serde::de::DeserializeOwned;
use vanus_types::ErrorCode;

use super::problem::Problem;

/// The query of a request as a `T`; unknown parameters are refused by types that say so.
#[derive(Debug)]
pub(crate) struct Parameters<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(value)) => Ok(Self(value)),
            Err(error) => Err(Problem::new(ErrorCode::InvalidArgument, error.body_text())),
        }
    }
}

/// Reads the parameter `name`.
///
/// # Errors
/// 400 names the parameter.
pub(crate) fn parse<T: FromStr<Err: Display>>(name: &str, text: &str) -> Result<T, Problem> {
    text.parse()
        .map_err(|error| Problem::new(ErrorCode::InvalidArgument, format!("{name}: {error}")))
}
