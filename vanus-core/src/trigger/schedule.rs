//! When a failed delivery is tried again. Pure.

/// Seconds before each attempt after the first; the last one repeats.
const DELAYS_S: [u32; 10] = [1, 5, 10, 30, 60, 120, 240, 480, 960, 3600];

/// Milliseconds to wait before retry number `retry`, which counts from 1.
#[must_use]
pub(crate) fn delay_ms(retry: u32) -> u32 {
    let index = usize::try_from(retry.saturating_sub(1)).unwrap_or(usize::MAX);
    let last = DELAYS_S.last().copied().unwrap_or(1);
    DELAYS_S.get(index).copied().unwrap_or(last) * 1_000
}

/// The longest wait there is, in milliseconds.
#[must_use]
pub(crate) fn longest_delay_ms() -> u32 {
    delay_ms(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_an_hour_and_stay_there() {
        let waits: Vec<_> = (1..=11).map(|retry| delay_ms(retry) / 1_000).collect();
        assert_eq!(waits, [1, 5, 10, 30, 60, 120, 240, 480, 960, 3600, 3600]);
        assert_eq!(longest_delay_ms(), 3_600_000);
    }
}
