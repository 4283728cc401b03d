//! Sweeps: every bit, every length and every call, or an evenly spread slice of them.
//!
//! `cargo test` runs a small slice of each; `tests/bars/storage-3` and `tests/bars/storage-4` run the ignored tests with
//! `VANUS_SWEEP`: the stride of the slice, where 1 is everything. `VANUS_SEED` rotates where the slice begins.

#![expect(clippy::print_stdout, reason = "the figures of a sweep are printed")]

mod bits;
mod calls;
mod images;
mod lengths;
mod verify;
mod workload;

/// Which of many cases are tried: structural ones always, of the others every `stride`-th from `offset` on.
#[derive(Debug, Clone, Copy)]
struct Slice {
    stride: u64,
    offset: u64,
}

impl Slice {
    /// A fixed slice.
    fn of(stride: u64) -> Slice {
        Slice { stride, offset: 0 }
    }

    /// What the bar asks for.
    #[expect(
        clippy::disallowed_methods,
        reason = "a bar has no other way to size a test"
    )]
    fn asked() -> Slice {
        let number = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
        let stride: u64 = number("VANUS_SWEEP").unwrap_or(1).max(1);
        let seed: u64 = number("VANUS_SEED").unwrap_or(0);
        Slice {
            stride,
            offset: seed % stride,
        }
    }

    fn has(self, case: u64) -> bool {
        case % self.stride == self.offset
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long a sweep takes is printed"
)]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

/// Runs `work` for each share of the cases on a thread of its own.
fn in_shares(work: impl Fn(u64, u64) + Sync) {
    let shares = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    std::thread::scope(|scope| {
        for share in 0..shares {
            let work = &work;
            scope.spawn(move || work(share, shares));
        }
    });
}
