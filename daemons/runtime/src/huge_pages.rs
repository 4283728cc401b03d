//! Whether the kernel may back the memory of the process with huge pages.

use rustix::thread::disable_transparent_huge_pages;

/// Says from when on the kernel may back new memory with huge pages, if it does so at all.
///
/// While it starts a daemon makes many small pieces of memory, spread over the pools of its threads, and keeps them: with pages
/// of 2 MiB they take twice as much. Large batches, which come later, are taken in a tenth faster with such pages
/// (docs/benchmarks.md). So a daemon starts without and allows them when it is ready. What is in memory by then stays as it is.
///
/// A system that refuses leaves things as they were: everything works, with more memory or slower.
pub fn allow_huge_pages(allowed: bool) {
    let _ = disable_transparent_huge_pages(!allowed);
}

#[cfg(test)]
mod tests {
    use rustix::thread::transparent_huge_pages_are_disabled;

    use super::*;

    #[test]
    fn huge_pages_are_refused_and_allowed_again() {
        allow_huge_pages(false);
        assert_eq!(transparent_huge_pages_are_disabled(), Ok(true));
        allow_huge_pages(true);
        assert_eq!(transparent_huge_pages_are_disabled(), Ok(false));
    }
}
