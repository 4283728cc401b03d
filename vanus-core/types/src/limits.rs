//! Every shared limit, each with its unit. Reaching one is an error for the asker.

/// Longest name of a namespace, eventbus or subscription, in bytes.
pub const MAX_NAME_LEN: usize = 128;

/// Longest attribute name of an event, in bytes. CloudEvents advises 20.
pub const MAX_ATTRIBUTE_NAME_LEN: usize = 128;

/// Most extension attributes of one event.
pub const MAX_EXTENSIONS: usize = 128;

/// Most bytes of all attributes of one event together, names, values and their table.
pub const MAX_ATTRIBUTES_LEN: usize = 65_535;

/// Largest event, in bytes of its record: attributes and data.
pub const MAX_EVENT_LEN: usize = 4 * 1024 * 1024;

/// Largest batch, in bytes of its body. One event always fits.
pub const MAX_BATCH_LEN: usize = 8 * 1024 * 1024;

/// Most events of one batch.
pub const MAX_BATCH_EVENTS: usize = 65_536;

/// Batches of one idempotent producer that may be under way to one eventlog. Each eventlog remembers
/// at least as many of a producer's latest batches, so that sending them again stores nothing.
pub const MAX_PRODUCER_IN_FLIGHT: usize = 16;

/// Longest encoded control message or metadata record, in bytes.
pub const MAX_RECORD_LEN: usize = 1024 * 1024;

/// Most eventlogs of one eventbus.
pub const MAX_EVENTLOGS: u16 = 64;

/// Longest description, in bytes.
pub const MAX_DESCRIPTION_LEN: usize = 4096;

/// Most namespaces of one node.
pub const MAX_NAMESPACES: usize = 10_000;

/// Most eventbuses of one node, dead letter buses not counted.
pub const MAX_EVENTBUSES: usize = 100_000;

/// Most subscriptions of one node.
pub const MAX_SUBSCRIPTIONS: usize = 100_000;

/// Deepest nesting of filters.
pub const MAX_FILTER_DEPTH: usize = 32;

/// Most nodes of the filters of one subscription together.
pub const MAX_FILTER_NODES: usize = 1024;

/// Longest sink address, in bytes.
pub const MAX_SINK_LEN: usize = 2048;

/// Longest secret of a credential, in bytes.
pub const MAX_SECRET_LEN: usize = 16 * 1024;

/// Longest identifier of a credential, in bytes.
pub const MAX_CREDENTIAL_ID_LEN: usize = 256;

/// Most deliveries a minute that a handshake may ask for.
pub const MAX_WEBHOOK_RATE: u32 = 60_000_000;

/// Most extra headers of a sink.
pub const MAX_SINK_HEADERS: usize = 32;

/// Most events one read answers.
pub const MAX_READ_EVENTS: usize = 10_000;

/// Most bytes one read answers; the first batch always fits.
pub const MAX_READ_LEN: usize = 8 * 1024 * 1024;

/// Longest wait of a long poll, in milliseconds.
pub const MAX_POLL_WAIT_MS: u64 = 60_000;

/// Default age after which events may be deleted, in milliseconds: 72 hours.
pub const DEFAULT_RETENTION_MS: u64 = 72 * 60 * 60 * 1000;

/// Default capacity of a segment file, in bytes.
pub const DEFAULT_SEGMENT_LEN: u64 = 64 * 1024 * 1024;

/// Smallest capacity of a segment file, in bytes.
pub const MIN_SEGMENT_LEN: u64 = 4 * 1024 * 1024;

/// Default time a sink has to answer, in milliseconds.
pub const DEFAULT_DELIVERY_TIMEOUT_MS: u32 = 5_000;

/// Longest time a sink may be given to answer, in milliseconds.
pub const MAX_DELIVERY_TIMEOUT_MS: u32 = 300_000;

/// Default and largest number of attempts after the first one to deliver an event.
pub const MAX_RETRY_ATTEMPTS: u32 = 32;

/// Longest wait that a sink may ask for with `Retry-After`, in milliseconds; what asks for more waits
/// this long. It is also the longest wait of the retry schedule.
pub const MAX_RETRY_AFTER_MS: u64 = 3_600_000;

/// Default number of events of one request to a sink, where requests carry many.
pub const DEFAULT_DELIVERY_BATCH_EVENTS: u32 = 32;

/// Most events of one request to a sink.
pub const MAX_DELIVERY_BATCH_EVENTS: u32 = 1024;

/// Most bytes of the events of one request to a sink together; one event always fits.
pub const MAX_DELIVERY_BATCH_LEN: usize = 4 * 1024 * 1024;

/// Most bytes of the events of one call of a gRPC sink together: receivers take 4 MiB by default.
pub const MAX_GRPC_BATCH_LEN: usize = 2 * 1024 * 1024;

/// Default time an event waits for others to share its request, in milliseconds.
pub const DEFAULT_DELIVERY_LINGER_MS: u32 = 500;

/// Longest time an event waits for others to share its request, in milliseconds.
pub const MAX_DELIVERY_LINGER_MS: u32 = 10_000;

/// Most bytes of a sink's answer where it may hold reply events.
pub const MAX_REPLY_LEN: usize = 1024 * 1024;

/// Most replies in a row that lead from one event to the next: a reply to a reply counts two.
pub const MAX_REPLY_HOPS: i32 = 16;

/// Default number of deliveries in flight of one subscription.
pub const DEFAULT_IN_FLIGHT: u32 = 256;

/// Largest number of deliveries in flight of one subscription.
pub const MAX_IN_FLIGHT: u32 = 10_000;

/// Most events of one subscription and eventlog that wait for their next attempt, or behind one that
/// does and has the same key; more hold the reader of that eventlog.
pub const MAX_PENDING_RETRIES: usize = 10_000;

/// Longest name of a value that orders deliveries or keeps an event on its route, in bytes.
pub const MAX_KEY_LEN: usize = 256;

/// Most routes of one subscription, those of all its groups together.
pub const MAX_ROUTES: usize = 64;

/// Most keys of one subscription that are pinned to their routes; past it the one that was not seen
/// for longest is forgotten.
pub const MAX_PINS: usize = 100_000;

/// Events that are matched for one subscription and eventlog and wait for it to take them; with more
/// it leaves the reader it shares and reads by itself.
pub const MAX_INBOX: usize = 256;

/// Farthest a subscription may be behind the end of an eventlog to begin in the reader it shares when
/// nobody is there yet, in offsets.
pub const MAX_JOIN_BEHIND: u64 = 65_536;

/// Most deliveries that one request fetches, or settles.
pub const MAX_RECEIVE_EVENTS: usize = 1000;

/// Most bytes of the events that one request fetches; one event always fits.
pub const MAX_RECEIVE_LEN: usize = 4 * 1024 * 1024;

/// Most dead letters one call reads or sends again.
pub const MAX_DEAD_LETTERS: usize = 64;

/// Farthest a subscription reads ahead of an event it has not settled yet, in offsets.
pub const MAX_READ_AHEAD: u64 = 1 << 20;

/// Longest text of one CESQL or CEL expression, in bytes.
pub const MAX_EXPRESSION_LEN: usize = 8 * 1024;

/// Deepest nesting of one expression: parentheses, operators, calls and literals together.
pub const MAX_EXPRESSION_DEPTH: usize = 100;

/// Deepest nesting of the lists and maps that one evaluation of an expression makes; what would be
/// deeper errs, as with too much work. JSON data in them has a bound of its own.
pub const MAX_VALUE_DEPTH: usize = 100;

/// Most work that all expressions of one subscription do for one event, in steps and bytes looked at
/// or made; a millisecond or two. What is slower than that errs, and the event does not pass.
pub const MAX_EXPRESSION_WORK: u64 = 2 * 1024 * 1024;

/// Largest compiled regular expression of a CEL expression, in bytes of memory.
pub const MAX_REGEX_LEN: usize = 256 * 1024;

/// Most regular expressions of one CEL expression.
pub const MAX_REGEXES: usize = 32;

/// Largest that all compiled regular expressions of one CEL expression are together, in bytes of
/// memory; each counts as the next power of two, 4 KiB at least.
pub const MAX_REGEXES_LEN: usize = 1024 * 1024;

/// Most names a transformer defines.
pub const MAX_DEFINES: usize = 128;

/// Longest name of a define, in bytes.
pub const MAX_DEFINE_NAME_LEN: usize = 128;

/// Most actions of one transformer, those inside others included.
pub const MAX_ACTIONS: usize = 256;

/// Deepest nesting of actions in each other.
pub const MAX_ACTION_DEPTH: usize = 8;

/// Longest template, in bytes.
pub const MAX_TEMPLATE_LEN: usize = 64 * 1024;

/// Longest transformer, in bytes of its JSON.
pub const MAX_TRANSFORMER_LEN: usize = 256 * 1024;

/// Most work of one run of a transformer, in steps and bytes looked at or made, besides
/// [`TRANSFORM_WORK_PER_BYTE`]. What takes more ends with an error.
pub const MAX_TRANSFORM_WORK: u64 = 384 * 1024;

/// What a run of a transformer may do more for each byte of the event's record, in steps and bytes.
pub const TRANSFORM_WORK_PER_BYTE: u64 = 8;

/// Largest event that waits for its time, in bytes of its record: with what is written around it, it still is one event of an
/// eventlog.
pub const MAX_TIMER_EVENT_LEN: usize = MAX_EVENT_LEN - 4096;

/// Most timers of one namespace that wait, unless the engine is opened with another quota.
pub const DEFAULT_TIMER_QUOTA: u64 = 20_000_000;

/// Most shards of timers of one node.
pub const MAX_TIMER_SHARDS: u16 = 64;

/// Default number of shards of timers.
pub const DEFAULT_TIMER_SHARDS: u16 = 4;

/// Default number of timers that are held in memory, all shards together; the others are in the index on disk.
pub const DEFAULT_TIMERS_IN_MEMORY: usize = 1_000_000;

/// Default for the most bytes of events of timers that are held in memory ahead of their time, all shards together.
pub const DEFAULT_TIMER_CACHE_LEN: usize = 128 * 1024 * 1024;

/// Most events that one shard of timers puts into an eventlog at once.
pub const MAX_FIRE_EVENTS: usize = 4096;

/// Most bytes of the events that one shard of timers puts into an eventlog at once; one event always fits.
pub const MAX_FIRE_LEN: usize = 1024 * 1024;

/// Most bytes of the events that one batch of a shard of timers holds: reading one of its events costs reading the batch.
pub const MAX_TIMER_BATCH_LEN: usize = 16 * 1024;

/// Most changes of a shard of timers that its index does not hold yet; with more, new timers wait.
pub const MAX_TIMER_CHANGES: usize = 1_000_000;

/// Most timers that one page of a list tells of.
pub const MAX_LISTED_TIMERS: usize = 1000;

/// Most entries of the index that one call looks at to list timers; it says where to go on.
pub const MAX_SCANNED_TIMERS: usize = 20_000;

/// Longest delay of an event, in milliseconds: 365,000 days. Delivery times have no bound.
pub const MAX_DELAY_MS: u64 = 365_000 * 24 * 60 * 60 * 1000;

/// Longest text of a schedule such as `30 9 * * MON-FRI`, in bytes.
pub const MAX_SCHEDULE_LEN: usize = 256;

/// Longest name of a time zone, in bytes.
pub const MAX_ZONE_LEN: usize = 64;

/// Farthest an event of a schedule may come after its time at random, in milliseconds: a day.
pub const MAX_JITTER_MS: u64 = 24 * 60 * 60 * 1000;

/// Longest data of the event of a schedule, in bytes.
pub const MAX_TEMPLATE_DATA_LEN: usize = 64 * 1024;

/// Most schedules of one node.
pub const MAX_SCHEDULES: usize = 100_000;

/// Events that schedules make at one time; more wait for these.
pub const MAX_SCHEDULES_AT_ONCE: usize = 256;
