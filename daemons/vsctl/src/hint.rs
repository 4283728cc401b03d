//! What to do about an error, by its code.

use vanus_types::ErrorCode;

/// What to do about an error with this code, if there is something to say.
pub(crate) const fn hint(code: ErrorCode) -> Option<&'static str> {
    Some(match code {
        ErrorCode::EventbusNotFound => {
            "`vsctl eventbus list -A` shows what exists, `vsctl eventbus create` makes one"
        }
        ErrorCode::NamespaceNotFound => {
            "`vsctl namespace list` shows what exists, `vsctl namespace create` makes one"
        }
        ErrorCode::TimerNotFound => "`vsctl timer list` shows what waits",
        ErrorCode::SubscriptionNotFound => "`vsctl subscription list -A` shows what exists",
        ErrorCode::EventlogNotFound => "`vsctl eventbus info` shows the eventlogs of an eventbus",
        ErrorCode::OffsetUnderflow | ErrorCode::OffsetOverflow => {
            "`vsctl eventbus info` shows the offsets that are kept"
        }
        ErrorCode::InvalidFilter | ErrorCode::FilterDialect | ErrorCode::FilterAttributeEmpty => {
            "filters are JSON such as '[{\"exact\": {\"type\": \"order.placed\"}}]'"
        }
        ErrorCode::InvalidSql => {
            "CESQL compares attributes, such as '[{\"sql\": \"type = \\\"a\\\" AND EXISTS subject\"}]'"
        }
        ErrorCode::InvalidCel => {
            "CEL sees the event and its data, such as '[{\"cel\": \"$total.(int64) > 100\"}]'"
        }
        ErrorCode::InvalidName => "names have 1 to 128 characters out of 0-9 a-z A-Z . - _",
        ErrorCode::WrongState => {
            "a subscription is moved while it is paused: `vsctl subscription disable` first"
        }
        ErrorCode::Disconnected => {
            "is the server running? Name it with --endpoint host:port or VANUS_GATEWAY"
        }
        ErrorCode::Timeout => "give it more time with --timeout, or see whether the server is busy",
        ErrorCode::DiskReserve => {
            "free space on the server's disk, shorten a retention or bound its size"
        }
        ErrorCode::NoSpace => "free space on the server's disk, or shorten a retention",
        ErrorCode::StorePoisoned => {
            "the server's disk failed; look at its log, replace the disk, start it again"
        }
        ErrorCode::DirectoryLocked => "stop the daemon that has the directory open first",
        ErrorCode::TryAgain => "ask again a little later",
        _ => return None,
    })
}
