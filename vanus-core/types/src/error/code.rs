//! The stable error codes, their HTTP status and what a retry may do.

use std::fmt;

/// Whether asking again can help, and whether the first try may have taken effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryClass {
    /// The same request fails again until somebody changes something.
    Never,
    /// Nothing happened; the same request may pass later.
    Safe,
    /// It may or may not have happened; only an idempotent request may be sent again.
    Unknown,
}

/// An error with a stable code.
pub trait Coded {
    /// The stable code of this error.
    fn code(&self) -> ErrorCode;
}

macro_rules! error_codes {
    ($($(#[doc = $doc:literal])* $name:ident = $number:literal, $status:literal, $retry:ident;)*) => {
        /// A stable error code. Numbers are those of Vanus where it had one; printed as `V9401`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[doc = $doc])* $name,)*
        }

        impl ErrorCode {
            /// Every code, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The number of the code.
            #[must_use]
            pub const fn number(self) -> u16 {
                match self { $(Self::$name => $number,)* }
            }

            /// The HTTP status a front door answers with.
            #[must_use]
            pub const fn http_status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// Whether asking again can help.
            #[must_use]
            pub const fn retry_class(self) -> RetryClass {
                match self { $(Self::$name => RetryClass::$retry,)* }
            }

            /// The name of the code, in words joined by hyphens.
            #[must_use]
            pub fn title(self) -> String {
                let mut title = String::new();
                for c in stringify_name(self).chars() {
                    if c.is_ascii_uppercase() && !title.is_empty() {
                        title.push(' ');
                    }
                    title.push(c.to_ascii_lowercase());
                }
                title
            }
        }

        const fn stringify_name(code: ErrorCode) -> &'static str {
            match code { $(ErrorCode::$name => stringify!($name),)* }
        }
    };
}

error_codes! {
    /// Something this build has no code for.
    Unknown = 9000, 500, Unknown;
    /// The request as a whole makes no sense.
    InvalidRequest = 9100, 400, Never;
    /// An argument is out of its range or of the wrong form.
    InvalidArgument = 9101, 400, Never;
    /// The CESQL expression of a filter has a mistake.
    InvalidSql = 9102, 400, Never;
    /// The CEL expression of a filter has a mistake.
    InvalidCel = 9103, 400, Never;
    /// A filter names an attribute without a value, or a value without an attribute.
    FilterAttributeEmpty = 9104, 400, Never;
    /// A filter must have exactly one dialect.
    FilterDialect = 9105, 400, Never;
    /// A text is not the JSON it should be.
    InvalidJson = 9107, 400, Never;
    /// The transformer of a subscription has a mistake.
    InvalidTransformer = 9108, 400, Never;
    /// The event breaks a rule of CloudEvents 1.0.2.
    InvalidEvent = 9109, 400, Never;
    /// A name has a form that is not allowed.
    InvalidName = 9110, 400, Never;
    /// A message of the wire protocol, or a stored record, cannot be read.
    MalformedMessage = 9111, 400, Never;
    /// The peer speaks a version of the protocol that this build does not.
    UnsupportedVersion = 9112, 400, Never;
    /// The event, batch or request passes a size limit.
    TooLarge = 9113, 413, Never;
    /// The content type is none that carries CloudEvents.
    UnsupportedMediaType = 9114, 415, Never;
    /// The path has no such method.
    MethodNotAllowed = 9115, 405, Never;
    /// The filters are nested too deep, too many, or have a bad path.
    InvalidFilter = 9116, 400, Never;
    /// The sink address cannot be delivered to.
    InvalidSink = 9117, 400, Never;
    /// The request asks for something this build does not do.
    Unsupported = 9118, 400, Never;
    /// The sink lies at an address that this node does not deliver to.
    SinkForbidden = 9119, 400, Never;
    /// The component is not running, or is stopping.
    NotRunning = 9200, 503, Safe;
    /// The resource is in a state that forbids this.
    WrongState = 9202, 409, Never;
    /// Something of that name or id exists.
    AlreadyExists = 9300, 409, Never;
    /// A producer's sequence leaves a gap, or overlaps what is stored in part; nothing was stored.
    OutOfSequence = 9301, 409, Never;
    /// The record was changed by somebody else in between.
    Conflict = 9302, 409, Safe;
    /// The batch is stored already, so long ago that its offsets are not known any more.
    AlreadyStored = 9303, 409, Never;
    /// There is no such thing, or no such path.
    NotFound = 9400, 404, Never;
    /// There is no such eventbus.
    EventbusNotFound = 9401, 404, Never;
    /// There is no such eventlog.
    EventlogNotFound = 9402, 404, Never;
    /// There is no such namespace.
    NamespaceNotFound = 9406, 404, Never;
    /// There is no such subscription.
    SubscriptionNotFound = 9407, 404, Never;
    /// There is no such event.
    EventNotFound = 9408, 404, Never;
    /// There is no such timer that waits: it has fired, was cancelled, or never was.
    TimerNotFound = 9409, 404, Never;
    /// A fault inside Vanus.
    Internal = 9500, 500, Unknown;
    /// Stored bytes do not match their checksum; they are not served.
    CorruptData = 9514, 500, Never;
    /// The disk failed; nothing is acknowledged until the store is opened again.
    StorePoisoned = 9515, 503, Unknown;
    /// The data directory is held by another process.
    DirectoryLocked = 9516, 409, Never;
    /// The disk refused an operation.
    StorageIo = 9517, 503, Unknown;
    /// The data directory was written by a format this build does not know.
    UnknownFormat = 9518, 500, Never;
    /// The disk is full.
    NoSpace = 9601, 503, Safe;
    /// The offset lies before the first event that is still kept.
    OffsetUnderflow = 9602, 404, Never;
    /// The offset lies after the next event to be written.
    OffsetOverflow = 9603, 404, Never;
    /// Free space on the disk is below the reserve that is kept for everything but events; nothing
    /// is published until there is room.
    DiskReserve = 9604, 503, Safe;
    /// Too much is under way; ask again a little later.
    TryAgain = 9608, 429, Safe;
    /// What was open is closed.
    Closed = 9610, 503, Unknown;
    /// The answer did not come in time.
    Timeout = 9611, 503, Unknown;
    /// The connection broke, or could not be made.
    Disconnected = 9612, 503, Unknown;
    /// A limit of this node is used up.
    ResourceExhausted = 9901, 429, Never;
    /// The resource belongs to the system, or is in use, and cannot be changed so.
    CannotOperate = 9902, 409, Never;
}

impl ErrorCode {
    /// The code with this number, if there is one.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.number() == number)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "V{}", self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_unique_and_lead_back() {
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::from_number(code.number()), Some(*code));
        }
        assert_eq!(ErrorCode::EventbusNotFound.to_string(), "V9401");
        assert_eq!(ErrorCode::EventbusNotFound.title(), "eventbus not found");
    }

    #[test]
    fn statuses_are_errors() {
        assert!(
            ErrorCode::ALL
                .iter()
                .all(|code| (400..600).contains(&code.http_status()))
        );
    }
}
