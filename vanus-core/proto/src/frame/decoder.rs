//! Reading frames out of a stream of bytes that arrive in any pieces.

use bytes::{Buf, Bytes, BytesMut};
use vanus_types::checksum::crc32c_of;

use super::{FRAME_HEADER_LEN, Flags, FrameError, FrameHeader, header::UNCHECKED_LEN};

/// Most room reserved at once for bytes that have not come yet, in bytes.
///
/// Beyond it the buffer only grows as fast as bytes really arrive, so that an announced length
/// costs nothing.
const TRUSTED_LEN: usize = 64 * 1024;

/// Room of a new stream, in bytes. Most streams carry one short message each way.
const FIRST_LEN: usize = 4 * 1024;

/// One frame as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What the control bytes mean; the number of an `Op`, if this build knows it.
    pub op: u16,
    /// What the frame is.
    pub flags: Flags,
    /// Chosen by whoever asks, copied into the answer.
    pub correlation: u64,
    /// One encoded message.
    pub control: Bytes,
    /// Event batches, back to back.
    pub body: Bytes,
}

/// An incremental decoder of frames.
///
/// Bytes are pushed in as they come, in pieces of any size, and whole frames are taken out. It
/// never holds more than one frame of the largest size and what was pushed after it.
#[derive(Debug, Default)]
pub struct FrameDecoder {
    buffer: BytesMut,
    /// The header at the start of `buffer`, once it was read and found good.
    header: Option<(FrameHeader, u32)>,
    failed: Option<FrameError>,
    /// Bytes of the frames taken out so far.
    taken: usize,
}

impl FrameDecoder {
    /// A decoder at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in bytes that arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The buffer to read into, with room for what the frame under way may still need; what is
    /// appended to it counts as pushed.
    ///
    /// Frames share its memory, and may be kept for long: room is used up before more is made, so
    /// that a kept frame never pins much more than its own length.
    pub fn buffer(&mut self) -> &mut BytesMut {
        let have = self.buffer.len();
        let missing = match &self.header {
            Some((header, _)) => (FRAME_HEADER_LEN + header.payload_len()).saturating_sub(have),
            None => FRAME_HEADER_LEN.saturating_sub(have),
        };
        if self.buffer.capacity() - have < missing.max(FRAME_HEADER_LEN) {
            let usual = self.taken.clamp(FIRST_LEN, TRUSTED_LEN);
            let trusted = missing.min(have.max(TRUSTED_LEN));
            self.buffer.reserve(trusted.max(usual));
        }
        &mut self.buffer
    }

    /// The next whole frame, or `None` while its bytes have not all come.
    ///
    /// # Errors
    /// [`FrameError`]; the stream cannot be read on, and every later call fails alike.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let frame = self.try_next();
        if let Err(error) = &frame {
            self.failed = Some(*error);
            self.buffer = BytesMut::new();
        }
        frame
    }

    /// Says that the stream has ended.
    ///
    /// # Errors
    /// [`FrameError::Truncated`] when it ended within a frame.
    pub fn finish(&self) -> Result<(), FrameError> {
        match (self.failed, self.buffer.len()) {
            (Some(error), _) => Err(error),
            (None, 0) => Ok(()),
            (None, have) => Err(FrameError::Truncated { have }),
        }
    }

    fn try_next(&mut self) -> Result<Option<Frame>, FrameError> {
        let (header, crc) = match self.header {
            Some(known) => known,
            None => match self.buffer.first_chunk::<FRAME_HEADER_LEN>() {
                Some(bytes) => *self.header.insert(FrameHeader::read(bytes)?),
                None => return Ok(None),
            },
        };
        let payload_len = header.payload_len();
        if self.buffer.len() < FRAME_HEADER_LEN + payload_len {
            return Ok(None);
        }
        self.header = None;
        self.taken = self.taken.saturating_add(FRAME_HEADER_LEN + payload_len);
        let mut whole = self.buffer.split_to(FRAME_HEADER_LEN + payload_len);
        let checked = whole.get(UNCHECKED_LEN..).unwrap_or_default();
        if crc32c_of([checked]) != crc {
            return Err(FrameError::Checksum { op: header.op });
        }
        whole.advance(FRAME_HEADER_LEN);
        let mut payload = whole.freeze();
        let control_len = usize::try_from(header.control_len).unwrap_or(usize::MAX);
        let control = payload.split_to(control_len.min(payload.len()));
        Ok(Some(Frame {
            op: header.op,
            flags: header.flags,
            correlation: header.correlation,
            control,
            body: payload,
        }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use vanus_types::codec;

    use super::*;
    use crate::frame::{EncodedFrame, MAX_BODY_LEN, MAX_CONTROL_LEN};

    fn encode(op: u16, correlation: u64, control: &[u8], body: &[u8]) -> Vec<u8> {
        let body = vec![Bytes::copy_from_slice(body)];
        let frame =
            EncodedFrame::from_control(op, Flags::REPLY, correlation, control, body).unwrap();
        frame.into_chunks().flatten().collect()
    }

    fn decode_all(pieces: &[&[u8]]) -> Result<Vec<Frame>, FrameError> {
        let (mut decoder, mut frames) = (FrameDecoder::new(), Vec::new());
        for piece in pieces {
            decoder.push(piece);
            while let Some(frame) = decoder.next_frame()? {
                frames.push(frame);
            }
        }
        decoder.finish()?;
        Ok(frames)
    }

    /// Overwrites the length fields and mends the checksum, as a hostile peer would.
    fn with_lengths(control: u32, body: u32) -> Vec<u8> {
        let mut bytes = encode(1, 1, b"c", b"b");
        bytes[8..12].copy_from_slice(&control.to_le_bytes());
        bytes[12..16].copy_from_slice(&body.to_le_bytes());
        let crc = crc32c_of([&bytes[8..]]);
        bytes[4..8].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    #[test]
    fn a_hostile_length_is_refused_at_the_header() {
        let limit = u32::try_from(MAX_CONTROL_LEN).unwrap();
        let bytes = with_lengths(limit + 1, 0);
        let refused = decode_all(&[&bytes[..FRAME_HEADER_LEN]]);
        assert_eq!(
            refused,
            Err(FrameError::ControlTooLong { length: limit + 1 })
        );
        let bytes = with_lengths(0, u32::MAX);
        let refused = decode_all(&[&bytes[..FRAME_HEADER_LEN]]);
        assert_eq!(refused, Err(FrameError::BodyTooLong { length: u32::MAX }));
    }

    #[test]
    fn an_announced_length_reserves_little() {
        let bytes = with_lengths(0, u32::try_from(MAX_BODY_LEN).unwrap());
        let mut decoder = FrameDecoder::new();
        decoder.push(&bytes[..FRAME_HEADER_LEN]);
        assert_eq!(decoder.next_frame(), Ok(None));
        assert!(decoder.buffer().capacity() < 4 * TRUSTED_LEN);
    }

    #[test]
    fn kept_frames_share_the_memory_they_came_in() {
        let (mut decoder, bytes) = (FrameDecoder::new(), encode(1, 1, b"c", &[7; 1000]));
        let (mut kept, mut made, mut last) = (Vec::new(), 0, std::ptr::null::<u8>());
        for _ in 0..1000 {
            let mut rest = &bytes[..];
            let frame = loop {
                // As a socket does: no more than there is room for.
                let buffer = decoder.buffer();
                let (now, later) = rest.split_at(rest.len().min(buffer.capacity() - buffer.len()));
                buffer.extend_from_slice(now);
                rest = later;
                if let Some(frame) = decoder.next_frame().unwrap() {
                    break frame;
                }
            };
            kept.push(frame);
            let here = kept.last().unwrap().body.as_ptr();
            let next_door = last.wrapping_add(bytes.len()) == here;
            made += usize::from(!next_door);
            last = here;
        }
        assert!(made < 30, "{made} buffers were made for 1 MB of frames");
    }

    #[test]
    fn strangers_and_later_versions_are_told_apart() {
        let stranger = decode_all(&[b"GET / HTTP/1.1\r\nhost: example\r\n\r\n"]);
        assert!(matches!(stranger, Err(FrameError::Magic { .. })));
        let mut later = encode(1, 1, b"", b"");
        later[3] = 2;
        assert_eq!(decode_all(&[&later]), Err(FrameError::Version { found: 2 }));
    }

    #[test]
    fn a_failed_decoder_stays_failed() {
        let mut decoder = FrameDecoder::new();
        decoder.push(&[0; FRAME_HEADER_LEN]);
        let error = decoder.next_frame().unwrap_err();
        decoder.push(&encode(1, 1, b"", b""));
        assert_eq!(decoder.next_frame(), Err(error));
        assert_eq!(decoder.finish(), Err(error));
    }

    #[test]
    fn a_stream_that_ends_within_a_frame_is_an_error() {
        let bytes = encode(1, 1, b"control", b"body");
        for cut in 1..bytes.len() {
            let truncated = decode_all(&[&bytes[..cut]]);
            assert_eq!(truncated, Err(FrameError::Truncated { have: cut }));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn frames_come_back_however_the_bytes_are_cut(
            messages in prop::collection::vec(
                (any::<u16>(), any::<u64>(), prop::collection::vec(any::<u8>(), 0..60),
                 prop::collection::vec(any::<u8>(), 0..200)), 1..5),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let bytes: Vec<u8> = messages
                .iter()
                .flat_map(|(op, id, control, body)| encode(*op, *id, control, body))
                .collect();
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
            at.extend([0, bytes.len()]);
            at.sort_unstable();
            let pieces: Vec<&[u8]> = at.windows(2).map(|w| &bytes[w[0]..w[1]]).collect();
            let frames = decode_all(&pieces).unwrap();
            prop_assert_eq!(frames.len(), messages.len());
            for (frame, (op, id, control, body)) in frames.iter().zip(&messages) {
                prop_assert_eq!((frame.op, frame.correlation), (*op, *id));
                prop_assert_eq!((&frame.control[..], &frame.body[..]), (&control[..], &body[..]));
            }
        }

        #[test]
        fn any_bytes_give_frames_or_an_error_and_never_a_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..400),
        ) {
            let _ = decode_all(&[&bytes]);
        }
    }

    #[test]
    fn each_flipped_bit_is_noticed() {
        let control = codec::encode(&(1_u64, "text".to_owned()));
        let bytes = encode(0x0201, 77, &control, b"some event bytes");
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let result = decode_all(&[&flipped]);
            assert!(result.is_err(), "flipping bit {bit} went unnoticed");
        }
    }
}
