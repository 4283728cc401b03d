//! Long lists, a page at a time, in the order of ids.

use serde::Deserialize;
use vanus_types::ErrorCode;

use crate::http::{Problem, parse};

/// Most items of one page, and how many come if nothing is said.
const MAX_PAGE: usize = 1000;

/// Which page is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    /// The id after which the page begins.
    after: Option<String>,
    /// Most items.
    limit: Option<usize>,
}

impl PageQuery {
    pub(super) const fn new(after: Option<String>, limit: Option<usize>) -> Self {
        Self { after, limit }
    }

    /// The items of the page out of `items`, and the id to ask on with, if there are more.
    ///
    /// # Errors
    /// 400 when `after` is no id or `limit` is out of range.
    pub(super) fn cut<T, I>(
        &self,
        mut items: Vec<T>,
        id: impl Fn(&T) -> I,
    ) -> Result<(Vec<T>, Option<I>), Problem>
    where
        I: Ord + std::str::FromStr<Err: std::fmt::Display>,
    {
        let limit = self.limit.unwrap_or(MAX_PAGE);
        if !(1..=MAX_PAGE).contains(&limit) {
            let detail = format!("limit is {limit}, allowed are 1 to {MAX_PAGE}");
            return Err(Problem::new(ErrorCode::InvalidArgument, detail));
        }
        if let Some(after) = &self.after {
            let after: I = parse("after", after)?;
            items.retain(|item| id(item) > after);
        }
        items.sort_unstable_by_key(&id);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(id);
        Ok((items, next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_to_the_end() {
        let mut query = PageQuery::new(None, Some(2));
        let mut seen = Vec::new();
        for _ in 0..3 {
            let (page, next) = query.cut(vec![5_u64, 1, 4, 2, 3], |n| *n).unwrap();
            seen.extend(page);
            query.after = next.map(|n| n.to_string());
        }
        assert_eq!(seen, [1, 2, 3, 4, 5]);
        assert_eq!(query.after, None);
    }

    #[test]
    fn limits_out_of_range_are_refused() {
        for limit in [0, MAX_PAGE + 1] {
            let query = PageQuery::new(None, Some(limit));
            assert_eq!(query.cut(vec![1_u64], |n| *n).unwrap_err().status(), 400);
        }
        let query = PageQuery::new(Some("x".into()), None);
        assert!(query.cut(vec![1_u64], |n| *n).is_err());
    }
}
