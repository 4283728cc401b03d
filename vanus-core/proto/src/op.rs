//! Op codes: what a frame asks or tells, and who may ask it.

/// What a peer must be allowed to do before it may ask for an [`Op`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Whoever has a session.
    Any,
    /// Append events to an eventbus.
    Publish,
    /// Read events and the state of subscriptions.
    Read,
    /// Change what exists.
    Admin,
}

macro_rules! ops {
    ($($(#[doc = $doc:literal])* $name:ident = $number:literal, $role:ident;)*) => {
        /// What a frame asks or tells. The high byte of the number is the family.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Op {
            $($(#[doc = $doc])* $name,)*
        }

        impl Op {
            /// Every op, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The number on the wire.
            #[must_use]
            pub const fn number(self) -> u16 {
                match self { $(Self::$name => $number,)* }
            }

            /// The op with this number, if this build knows it.
            #[must_use]
            pub const fn from_number(number: u16) -> Option<Self> {
                match number { $($number => Some(Self::$name),)* _ => None }
            }

            /// What a peer must be allowed to do to ask for this.
            #[must_use]
            pub const fn role(self) -> Role {
                match self { $(Self::$name => Role::$role,)* }
            }

            /// The name of the op, for people.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }
        }
    };
}

ops! {
    /// Opens a session; the first frame of a connection.
    Hello = 0x0101, Any;
    /// Tells that the server stops: finish what is under way and connect anew.
    Drain = 0x0102, Any;

    /// Appends one batch to an eventlog.
    Publish = 0x0201, Publish;

    /// Reads batches from an offset on, waiting for some if asked to.
    Read = 0x0301, Read;
    /// Reads the batch that holds one event.
    ReadEvent = 0x0302, Read;
    /// Finds the offsets of a point in time.
    LookupOffset = 0x0303, Read;
    /// Asks for batches to be pushed from an offset on.
    Tail = 0x0304, Read;

    /// Creates a namespace.
    CreateNamespace = 0x0401, Admin;
    /// Lists namespaces.
    ListNamespaces = 0x0402, Any;
    /// Describes one namespace.
    GetNamespace = 0x0403, Any;
    /// Deletes a namespace.
    DeleteNamespace = 0x0404, Admin;

    /// Creates an eventbus.
    CreateEventbus = 0x0501, Admin;
    /// Lists eventbuses.
    ListEventbuses = 0x0502, Any;
    /// Describes one eventbus: its eventlogs and their offsets.
    GetEventbus = 0x0503, Any;
    /// Changes an eventbus.
    UpdateEventbus = 0x0504, Admin;
    /// Deletes an eventbus.
    DeleteEventbus = 0x0505, Admin;

    /// Creates a subscription.
    CreateSubscription = 0x0601, Admin;
    /// Lists subscriptions.
    ListSubscriptions = 0x0602, Read;
    /// Describes one subscription.
    GetSubscription = 0x0603, Read;
    /// Changes a subscription.
    UpdateSubscription = 0x0604, Admin;
    /// Deletes a subscription.
    DeleteSubscription = 0x0605, Admin;
    /// Pauses a subscription.
    DisableSubscription = 0x0606, Admin;
    /// Resumes a subscription.
    ResumeSubscription = 0x0607, Admin;
    /// Moves a paused subscription to a point in time.
    ResetSubscription = 0x0608, Admin;

    /// Reads dead letters of a subscription.
    GetDeadLetters = 0x0701, Read;
    /// Delivers dead letters once more.
    ResendDeadLetters = 0x0702, Admin;

    /// Describes the node or cluster.
    GetClusterInfo = 0x0801, Any;

    /// Fetches deliveries of a subscription, waiting for some if asked to.
    Receive = 0x0901, Read;
    /// Ends attempts that were fetched or pushed.
    Settle = 0x0902, Read;
    /// Asks for deliveries of a subscription to be pushed as they come.
    Push = 0x0903, Read;

    /// Lets events wait for their time.
    SetTimers = 0x0A01, Publish;
    /// Describes a timer that waits.
    GetTimer = 0x0A02, Read;
    /// Lists timers that wait.
    ListTimers = 0x0A03, Read;
    /// Cancels a timer.
    CancelTimer = 0x0A04, Publish;
    /// Lets a timer be due at another time.
    UpdateTimer = 0x0A05, Publish;
    /// Lets a timer be due now.
    FireTimer = 0x0A06, Publish;

    /// Creates a schedule.
    CreateSchedule = 0x0B01, Admin;
    /// Lists schedules.
    ListSchedules = 0x0B02, Read;
    /// Describes one schedule.
    GetSchedule = 0x0B03, Read;
    /// Pauses a schedule.
    PauseSchedule = 0x0B04, Admin;
    /// Resumes a schedule.
    ResumeSchedule = 0x0B05, Admin;
    /// Deletes a schedule.
    DeleteSchedule = 0x0B06, Admin;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lead_back_and_nothing_else_does() {
        for op in Op::ALL {
            assert_eq!(Op::from_number(op.number()), Some(*op));
        }
        let known = (0..=u16::MAX)
            .filter(|n| Op::from_number(*n).is_some())
            .count();
        assert_eq!(known, Op::ALL.len());
    }

    #[test]
    fn whatever_changes_something_needs_more_than_a_session() {
        for op in Op::ALL {
            let changes = [
                "Create", "Update", "Delete", "Re", "Disable", "Publish", "Set", "Cancel", "Fire",
                "Pause",
            ];
            if changes.iter().any(|word| op.name().starts_with(word)) {
                assert_ne!(op.role(), Role::Any, "{op:?}");
            }
        }
    }
}
