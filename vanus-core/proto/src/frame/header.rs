//! The fixed header of a frame; drawn in the parent module.

use super::{FrameError, MAX_BODY_LEN, MAX_CONTROL_LEN};

/// Bytes of a frame header.
pub const FRAME_HEADER_LEN: usize = 28;

/// Version of the frame layout.
pub const FRAME_VERSION: u8 = 1;

/// Bytes 0 to 8: the magic and the checksum, which the checksum does not cover.
pub(super) const UNCHECKED_LEN: usize = 8;

const MAGIC: [u8; 3] = *b"VNS";

/// What a frame is to the one who gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(u16);

impl Flags {
    /// A request or a notice.
    pub const NONE: Self = Self(0);
    /// The answer to a request.
    pub const REPLY: Self = Self(1);
    /// The answer to a request that failed: the control bytes are a `Fault`.
    pub const FAULT: Self = Self(0b11);
    /// The last frame of a tail.
    pub const END: Self = Self(0b101);

    const KNOWN: u16 = 0b111;

    /// Whether the frame answers a request.
    #[must_use]
    pub const fn is_reply(self) -> bool {
        self.0 & 1 != 0
    }

    /// Whether the control bytes are a `Fault`.
    #[must_use]
    pub const fn is_fault(self) -> bool {
        self.0 & 0b10 != 0
    }

    /// Whether no further frame answers the same request.
    #[must_use]
    pub const fn is_end(self) -> bool {
        self.0 & 0b100 != 0
    }
}

/// The header of one frame, without magic and checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// Length of the control message, in bytes.
    pub control_len: u32,
    /// Length of the body, in bytes.
    pub body_len: u32,
    /// What the control bytes mean; the number of an `Op`, if this build knows it.
    pub op: u16,
    /// What the frame is.
    pub flags: Flags,
    /// Chosen by whoever asks, copied into the answer.
    pub correlation: u64,
}

impl FrameHeader {
    /// The header bytes that the checksum covers.
    pub(super) fn checked_bytes(&self) -> [u8; FRAME_HEADER_LEN - UNCHECKED_LEN] {
        let mut bytes = [0; FRAME_HEADER_LEN - UNCHECKED_LEN];
        let fields = self
            .control_len
            .to_le_bytes()
            .into_iter()
            .chain(self.body_len.to_le_bytes())
            .chain(self.op.to_le_bytes())
            .chain(self.flags.0.to_le_bytes())
            .chain(self.correlation.to_le_bytes());
        for (slot, byte) in bytes.iter_mut().zip(fields) {
            *slot = byte;
        }
        bytes
    }

    /// The first eight bytes of a frame whose checksum is `crc`.
    pub(super) fn unchecked_bytes(crc: u32) -> [u8; UNCHECKED_LEN] {
        let [v, n, s] = MAGIC;
        let [a, b, c, d] = crc.to_le_bytes();
        [v, n, s, FRAME_VERSION, a, b, c, d]
    }

    /// Reads a header and the checksum it states; checks everything but that checksum.
    pub(super) fn read(bytes: &[u8; FRAME_HEADER_LEN]) -> Result<(Self, u32), FrameError> {
        let [v, n, s, version, rest @ ..] = *bytes;
        if [v, n, s] != MAGIC {
            return Err(FrameError::Magic {
                found: u32::from_le_bytes([v, n, s, version]),
            });
        }
        if version != FRAME_VERSION {
            return Err(FrameError::Version { found: version });
        }
        let [
            c0,
            c1,
            c2,
            c3,
            l0,
            l1,
            l2,
            l3,
            b0,
            b1,
            b2,
            b3,
            o0,
            o1,
            f0,
            f1,
            correlation @ ..,
        ] = rest;
        let header = Self {
            control_len: u32::from_le_bytes([l0, l1, l2, l3]),
            body_len: u32::from_le_bytes([b0, b1, b2, b3]),
            op: u16::from_le_bytes([o0, o1]),
            flags: Flags(u16::from_le_bytes([f0, f1])),
            correlation: u64::from_le_bytes(correlation),
        };
        header.check()?;
        Ok((header, u32::from_le_bytes([c0, c1, c2, c3])))
    }

    /// Control and body together, in bytes.
    pub(super) fn payload_len(&self) -> usize {
        let len = |length: u32| usize::try_from(length).unwrap_or(usize::MAX);
        len(self.control_len).saturating_add(len(self.body_len))
    }

    fn check(&self) -> Result<(), FrameError> {
        let longer = |length: u32, limit: usize| {
            usize::try_from(length).map_or(true, |length| length > limit)
        };
        if longer(self.control_len, MAX_CONTROL_LEN) {
            return Err(FrameError::ControlTooLong {
                length: self.control_len,
            });
        }
        if longer(self.body_len, MAX_BODY_LEN) {
            return Err(FrameError::BodyTooLong {
                length: self.body_len,
            });
        }
        if self.flags.0 & !Flags::KNOWN != 0 {
            return Err(FrameError::Flags {
                found: self.flags.0,
            });
        }
        Ok(())
    }
}
