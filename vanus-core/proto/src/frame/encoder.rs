//! Building frames without copying event bytes.

use bytes::{BufMut, Bytes, BytesMut};
use vanus_types::{
    Fault,
    checksum::crc32c_of,
    codec::{self, Encode},
};

use super::{FRAME_HEADER_LEN, Flags, FrameError, FrameHeader, MAX_BODY_LEN, MAX_CONTROL_LEN};

/// A frame ready to be written: its head in one piece, its body in the pieces it was given in.
#[derive(Debug, Clone)]
pub struct EncodedFrame {
    head: Bytes,
    body: Vec<Bytes>,
    body_len: usize,
}

impl EncodedFrame {
    /// A frame that carries `message` and, after it, the `body` pieces back to back.
    ///
    /// # Errors
    /// [`FrameError::ControlTooLong`] or [`FrameError::BodyTooLong`].
    pub fn new<M: Encode>(
        op: u16,
        flags: Flags,
        correlation: u64,
        message: &M,
        body: Vec<Bytes>,
    ) -> Result<Self, FrameError> {
        Self::from_control(op, flags, correlation, &codec::encode(message), body)
    }

    /// A frame whose control bytes are encoded already.
    ///
    /// # Errors
    /// As [`EncodedFrame::new`].
    pub fn from_control(
        op: u16,
        flags: Flags,
        correlation: u64,
        control: &[u8],
        body: Vec<Bytes>,
    ) -> Result<Self, FrameError> {
        let body_len = body.iter().map(Bytes::len).sum::<usize>();
        let narrow = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        if control.len() > MAX_CONTROL_LEN {
            return Err(FrameError::ControlTooLong {
                length: narrow(control.len()),
            });
        }
        if body_len > MAX_BODY_LEN {
            return Err(FrameError::BodyTooLong {
                length: narrow(body_len),
            });
        }
        let header = FrameHeader {
            control_len: narrow(control.len()),
            body_len: narrow(body_len),
            op,
            flags,
            correlation,
        };
        let checked = header.checked_bytes();
        let pieces = [checked.as_slice(), control].into_iter();
        let crc = crc32c_of(pieces.chain(body.iter().map(Bytes::as_ref)));
        let mut head = BytesMut::with_capacity(FRAME_HEADER_LEN + control.len());
        head.put_slice(&FrameHeader::unchecked_bytes(crc));
        head.put_slice(&checked);
        head.put_slice(control);
        Ok(Self {
            head: head.freeze(),
            body,
            body_len,
        })
    }

    /// The answer that a request failed. An overlong sentence is cut.
    #[must_use]
    pub fn fault(op: u16, correlation: u64, fault: &Fault) -> Self {
        const MAX_SENTENCE: usize = 4096;
        let cut;
        let fault = if fault.message.len() > MAX_SENTENCE {
            let end = fault.message.floor_char_boundary(MAX_SENTENCE);
            cut = Fault::new(fault.code, fault.message.get(..end).unwrap_or_default());
            &cut
        } else {
            fault
        };
        match Self::new(op, Flags::FAULT, correlation, fault, Vec::new()) {
            Ok(frame) => frame,
            // Never taken: a cut fault always fits. A frame without a head would be dropped.
            Err(_) => Self {
                head: Bytes::new(),
                body: Vec::new(),
                body_len: 0,
            },
        }
    }

    /// Bytes of the whole frame.
    #[must_use]
    pub fn len(&self) -> usize {
        self.head.len() + self.body_len
    }

    /// Whether the frame has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The pieces of the frame in order, to be written without copying.
    pub fn into_chunks(self) -> impl Iterator<Item = Bytes> {
        std::iter::once(self.head)
            .chain(self.body)
            .filter(|chunk| !chunk.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use vanus_types::ErrorCode;

    use super::*;
    use crate::frame::FrameDecoder;

    #[test]
    fn body_pieces_are_handed_on_uncopied() {
        let piece = Bytes::from(vec![7; 4096]);
        let body = vec![piece.clone(), piece.clone()];
        let frame = EncodedFrame::new(1, Flags::NONE, 2, &3_u32, body).unwrap();
        assert_eq!(
            frame.len(),
            FRAME_HEADER_LEN + codec::encode(&3_u32).len() + 8192
        );
        let chunks: Vec<Bytes> = frame.into_chunks().collect();
        assert_eq!(chunks.len(), 3);
        assert_eq!(chunks[1].as_ptr(), piece.as_ptr());
    }

    #[test]
    fn what_is_too_long_is_refused_before_it_is_sent() {
        let long = Bytes::from(vec![0; MAX_BODY_LEN]);
        assert!(EncodedFrame::new(1, Flags::NONE, 0, &0_u8, vec![long.clone()]).is_ok());
        let over = EncodedFrame::new(
            1,
            Flags::NONE,
            0,
            &0_u8,
            vec![long, Bytes::from_static(b"x")],
        );
        assert!(matches!(over, Err(FrameError::BodyTooLong { .. })));
        let control = vec![0; MAX_CONTROL_LEN + 1];
        let over = EncodedFrame::from_control(1, Flags::NONE, 0, &control, Vec::new());
        assert!(matches!(over, Err(FrameError::ControlTooLong { .. })));
    }

    #[test]
    fn an_overlong_fault_is_cut_and_still_told() {
        let fault = Fault::new(ErrorCode::Internal, "ä".repeat(MAX_CONTROL_LEN));
        let frame = EncodedFrame::fault(1, 9, &fault);
        let mut decoder = FrameDecoder::new();
        for chunk in frame.into_chunks() {
            decoder.push(&chunk);
        }
        let frame = decoder.next_frame().unwrap().unwrap();
        let told = codec::decode::<Fault>(&frame.control).unwrap();
        assert_eq!(told.code, ErrorCode::Internal);
        assert!(told.message.starts_with("ää") && told.message.len() <= 4096);
    }
}
