//! Frames: what one message looks like on a stream.
//!
//! ```text
//!  0        4        8        12       16    18    20            28
//!  +--------+--------+--------+--------+-----+-----+-------------+---------+------+
//!  | magic  | crc32c | control|  body  | op  |flags| correlation | control | body |
//!  |        |        |  length| length |     |     |             |  bytes  | bytes|
//!  +--------+--------+--------+--------+-----+-----+-------------+---------+------+
//!    u32      u32      u32      u32      u16   u16   u64           
//! ```
//!
//! All numbers are little endian.
//!
//! * *magic* is the bytes `V N S` and the frame version, 1.
//! * *crc32c* covers everything after itself: byte 8 to the end of the body.
//! * *control length* is at most [`MAX_CONTROL_LEN`], *body length* at most [`MAX_BODY_LEN`];
//!   a longer frame is refused when its header is read, before anything is reserved for it.
//! * *op* says what the control bytes mean, see [`Op`](crate::Op). An unknown op is no frame
//!   error: it is answered with a fault.
//! * *flags*: bit 0 reply, bit 1 fault (the control bytes are a `Fault`), bit 2 end (the last
//!   frame of a tail). Others must be zero.
//! * *correlation* is chosen by whoever asks and copied into the answer.
//! * *control* is one message in the codec of `vanus_types::codec`.
//! * *body* holds event batches as they lie in the log, back to back; it is never re-encoded.
//!
//! Nothing in here knows where bytes come from or go to.

mod decoder;
mod encoder;
mod error;
mod header;

pub use decoder::{Frame, FrameDecoder};
pub use encoder::EncodedFrame;
pub use error::FrameError;
pub use header::{FRAME_HEADER_LEN, FRAME_VERSION, Flags, FrameHeader};
use vanus_types::{BATCH_HEADER_LEN, limits};

/// Longest control message of a frame, in bytes.
pub const MAX_CONTROL_LEN: usize = limits::MAX_RECORD_LEN;

/// Longest body of a frame, in bytes: the largest batch with its header.
pub const MAX_BODY_LEN: usize = limits::MAX_BATCH_LEN + BATCH_HEADER_LEN;
