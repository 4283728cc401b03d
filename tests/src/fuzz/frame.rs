//! Frames of the QUIC protocol, with the messages and batches in them.

use bytes::Bytes;
use vanus_proto::{
    Op,
    frame::{EncodedFrame, FRAME_HEADER_LEN, Flags, Frame, FrameDecoder},
    message::{Hello, PublishRequest, ReadRequest, Request, TailRequest},
};
use vanus_types::{
    Batch, BatchBuilder, Fault,
    codec::{self, Decode, Encode},
};

use super::{Target, mend, record, same};

/// The target.
pub const TARGET: Target = Target {
    name: "frame",
    seeds,
    mend: |input| {
        let mut rest = input;
        while let Some(len) = mend_frame(rest) {
            rest = rest.get_mut(len..).unwrap_or_default();
        }
    },
    run,
    memory: super::in_proportion,
    evaluation: None,
};

fn seeds() -> Vec<Vec<u8>> {
    let mut builder = BatchBuilder::new();
    let pushed = record::events().iter().all(|event| builder.push(event));
    let body: Vec<Bytes> = builder
        .build()
        .filter(|_| pushed)
        .into_iter()
        .flat_map(|batch| {
            [
                Bytes::copy_from_slice(&batch.header().encode()),
                batch.body().clone(),
            ]
        })
        .collect();
    // A version byte and small fields: what most requests are made of.
    let control = |bytes: &[u8]| [&[codec::CODEC_VERSION], bytes].concat();
    let frames = [
        (Op::Hello, Flags::NONE, control(&[1, 1, 0, 0]), vec![]),
        (
            Op::Publish,
            Flags::NONE,
            control(&[1, 0, 0, 0, 0]),
            body.clone(),
        ),
        (Op::Read, Flags::NONE, control(&[9, 0, 200, 0]), vec![]),
        (Op::Tail, Flags::END, control(&[9, 0, 200]), body),
        (
            Op::ListEventbuses,
            Flags::NONE,
            control(&[0, 100, 0]),
            vec![],
        ),
    ];
    let mut seeds: Vec<Vec<u8>> = frames
        .into_iter()
        .filter_map(|(op, flags, control, body)| {
            EncodedFrame::from_control(op as u16, flags, 7, &control, body).ok()
        })
        .map(|frame| frame.into_chunks().collect::<Vec<_>>().concat())
        .collect();
    seeds.push(seeds.concat());
    seeds
}

fn mend_frame(bytes: &mut [u8]) -> Option<usize> {
    let (control, body) = (mend::u32_at(bytes, 8)?, mend::u32_at(bytes, 12)?);
    let start = FRAME_HEADER_LEN.checked_add(control)?;
    let end = start.checked_add(body)?;
    mend::batches(bytes.get_mut(start..end)?);
    mend::over(bytes, 4, 8, end);
    Some(end)
}

fn run(input: &[u8]) -> Result<bool, String> {
    let mut decoder = FrameDecoder::new();
    let mut frames = Vec::new();
    // Pieces of lengths that follow from the input.
    let piece = 1 + input.len() % 97;
    'stream: for bytes in input.chunks(piece) {
        decoder.buffer().extend_from_slice(bytes);
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(_) => break 'stream,
            }
        }
    }
    let mut rest = input;
    for frame in &frames {
        rest = check(frame, rest)?;
    }
    Ok(!frames.is_empty())
}

/// Encodes a frame again, which gives the bytes it was read from; answers those after it.
fn check<'a>(frame: &Frame, input: &'a [u8]) -> Result<&'a [u8], String> {
    let Frame {
        op,
        flags,
        correlation,
        control,
        body,
    } = frame;
    let again = EncodedFrame::from_control(*op, *flags, *correlation, control, vec![body.clone()])
        .map_err(|e| format!("{frame:?} is refused: {e}"))?;
    let again = again.into_chunks().collect::<Vec<_>>().concat();
    let (read, rest) = input
        .split_at_checked(again.len())
        .ok_or("a longer frame")?;
    same("frame", &read, &again.as_slice())?;
    message::<Hello>(control)?;
    message::<PublishRequest>(control)?;
    message::<ReadRequest>(control)?;
    message::<TailRequest>(control)?;
    message::<Fault>(control)?;
    if let Some(op) = Op::from_number(*op) {
        // Any answer will do, as long as there is one.
        let _ = Request::decode(op, control);
    }
    let mut body = body.clone();
    while let Ok((batch, used)) = Batch::parse(&body) {
        let bytes = [&batch.header().encode()[..], batch.body()].concat();
        same("batch", &body.slice(..used), &Bytes::from(bytes))?;
        if batch.check_events().is_ok() {
            let events = batch.events().count();
            same("events", &(batch.header().count as usize), &events)?;
        }
        body = body.slice(used..);
    }
    Ok(rest)
}

fn message<M: Encode + Decode<()> + PartialEq + std::fmt::Debug>(
    bytes: &[u8],
) -> Result<(), String> {
    match codec::decode::<M>(bytes) {
        Ok(message) => same(
            "message",
            &Ok(&message),
            &codec::decode(&codec::encode(&message))
                .as_ref()
                .map_err(|e| e.to_string()),
        ),
        Err(_) => Ok(()),
    }
}
