//! Messages of a request body, cut out of the stream of bytes: a flag, a length of four bytes, the message.

use bytes::{Bytes, BytesMut};
use proto::common::v1::ErrorReason;
use tonic::{Code, Status};

/// Flag and length.
pub(crate) const HEADER_BYTES: usize = 5;

/// Bytes that have arrived and not yet been given out as frames.
#[derive(Debug)]
pub(crate) struct Frames {
    /// The rest of the newest chunk.
    rest: Bytes,
    /// The beginning of a frame that no chunk held whole.
    begun: BytesMut,
    message_bytes_max: usize,
}

impl Frames {
    pub(crate) fn new(message_bytes_max: usize) -> Self {
        Self { rest: Bytes::new(), begun: BytesMut::new(), message_bytes_max }
    }

    /// Adds a chunk. All frames of the last one must have been taken.
    pub(crate) fn push(&mut self, chunk: Bytes) {
        debug_assert!(self.rest.is_empty(), "frames are taken before the next chunk comes");
        self.rest = chunk;
    }

    /// The next whole frame, header included. A frame that lies in one chunk is not copied. What a header announces is
    /// judged before anything is kept, and room is made only for what has arrived.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, Status> {
        if self.begun.is_empty() {
            if let Some(frame) = self.frame_bytes(&self.rest)?.filter(|bytes| *bytes <= self.rest.len()) {
                return Ok(Some(self.rest.split_to(frame)));
            }
            self.begun.extend_from_slice(&std::mem::take(&mut self.rest));
            return Ok(None);
        }
        if self.begun.len() < HEADER_BYTES {
            self.fill(HEADER_BYTES);
        }
        let Some(frame) = self.frame_bytes(&self.begun)? else { return Ok(None) };
        self.fill(frame);
        Ok((self.begun.len() == frame).then(|| self.begun.split().freeze()))
    }

    /// Whether the stream ended in the middle of a frame.
    pub(crate) fn is_cut(&self) -> bool {
        !self.begun.is_empty() || !self.rest.is_empty()
    }

    fn fill(&mut self, bytes: usize) {
        let missing = bytes.saturating_sub(self.begun.len()).min(self.rest.len());
        self.begun.extend_from_slice(&self.rest.split_to(missing));
    }

    /// The length of the frame that begins here, where its header is there.
    fn frame_bytes(&self, bytes: &[u8]) -> Result<Option<usize>, Status> {
        let Some((&[flag, a, b, c, d], _)) = bytes.split_first_chunk::<HEADER_BYTES>() else { return Ok(None) };
        match flag {
            0 => {}
            1 => return Err(Status::unimplemented("the server reads no compressed messages")),
            _ => return Err(malformed("the compression flag is neither 0 nor 1")),
        }
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if length > self.message_bytes_max {
            return Err(too_large(length, self.message_bytes_max));
        }
        Ok(Some(HEADER_BYTES + length))
    }
}

/// INVALID_ARGUMENT `MESSAGE_MALFORMED`.
pub(crate) fn malformed(message: impl Into<String>) -> Status {
    status::refuse(Code::InvalidArgument, ErrorReason::MessageMalformed, message).into()
}

fn too_large(bytes: usize, limit: usize) -> Status {
    let message = format!("the message has {bytes} bytes, at most {limit} are read");
    status::refuse(Code::ResourceExhausted, ErrorReason::MessageTooLarge, message)
        .with("bytes", bytes)
        .with("limit_bytes", limit)
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(messages: &[&[u8]]) -> Vec<u8> {
        messages.iter().flat_map(|m| [&[0][..], &(m.len() as u32).to_be_bytes(), m].concat()).collect()
    }

    /// Gives the bytes in chunks of a size and takes all frames.
    fn cut(bytes: &[u8], chunk: usize, max: usize) -> Result<(Vec<Vec<u8>>, bool), Status> {
        let mut frames = Frames::new(max);
        let mut got = Vec::new();
        for chunk in bytes.chunks(chunk) {
            frames.push(Bytes::copy_from_slice(chunk));
            while let Some(frame) = frames.next()? {
                got.push(frame[HEADER_BYTES..].to_vec());
            }
        }
        Ok((got, frames.is_cut()))
    }

    #[test]
    fn frames_are_the_same_however_the_bytes_arrive() {
        let messages: [&[u8]; 4] = [b"", b"a", b"hello", &[7; 300]];
        let bytes = framed(&messages);
        for chunk in 1..=bytes.len() {
            let (got, is_cut) = cut(&bytes, chunk, 300).unwrap();
            assert_eq!(got, messages, "in chunks of {chunk}");
            assert!(!is_cut);
        }
    }

    #[test]
    fn an_end_in_the_middle_is_noticed() {
        let bytes = framed(&[b"hello"]);
        for end in 1..bytes.len() {
            assert_eq!(cut(&bytes[..end], 3, 300).unwrap(), (vec![], true), "after {end} bytes");
        }
    }

    #[test]
    fn a_message_at_the_limit_is_read_and_one_byte_more_is_refused_by_its_header_alone() {
        assert_eq!(cut(&framed(&[&[1; 300]]), 64, 300).unwrap().0.len(), 1);
        let refused = cut(&[0, 0, 0, 1, 45], 64, 300).unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted);
        assert_eq!(status::reason_of(&refused).as_deref(), Some("MESSAGE_TOO_LARGE"));
        assert_eq!(status::metadata_of(&refused)["limit_bytes"], "300");
    }

    #[test]
    fn flags_other_than_plain_are_refused() {
        assert_eq!(cut(&[1, 0, 0, 0, 1, 0], 64, 300).unwrap_err().code(), Code::Unimplemented);
        assert_eq!(cut(&[2, 0, 0, 0, 1, 0], 64, 300).unwrap_err().code(), Code::InvalidArgument);
    }
}
