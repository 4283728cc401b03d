//! Lists are answered page by page, so that no list is too long for a frame.

use vanus_types::codec::{self, Encode};

/// Most items of one page, whatever is asked for.
pub const MAX_PAGE_ITEMS: u32 = 1_000;

/// Bytes of items after which a page is full, even if fewer were asked for than fit.
pub const MAX_PAGE_LEN: usize = 512 * 1024;

/// Takes items until the page is full; at least one, if there is one and the limit is not zero.
///
/// An answer that says where the next page begins is made by comparing what was taken with what
/// there is.
pub fn fill_page<T: Encode>(items: impl IntoIterator<Item = T>, limit: u32) -> Vec<T> {
    let limit = usize::try_from(limit.min(MAX_PAGE_ITEMS)).unwrap_or(usize::MAX);
    let (mut page, mut bytes) = (Vec::new(), 0_usize);
    for item in items.into_iter().take(limit) {
        bytes += codec::encode(&item).len();
        if bytes > MAX_PAGE_LEN && !page.is_empty() {
            break;
        }
        page.push(item);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_at_the_limit_of_items_or_of_bytes() {
        assert_eq!(fill_page(0..10_u32, 3), [0, 1, 2]);
        assert_eq!(fill_page(0..10_000_u32, u32::MAX).len(), 1_000);
        let large = vec!["x".repeat(MAX_PAGE_LEN / 4); 10];
        assert_eq!(fill_page(large, 10).len(), 3);
        assert_eq!(fill_page(vec!["x".repeat(2 * MAX_PAGE_LEN)], 10).len(), 1);
    }
}
