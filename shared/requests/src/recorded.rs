use prost::{DecodeError, Message};

/// An answer as it is kept: encoded.
pub trait Recorded: Sized {
    /// Its encoding.
    fn written(&self) -> Vec<u8>;

    /// The answer that has this encoding.
    fn read(encoded: Vec<u8>) -> Result<Self, DecodeError>;
}

impl<T: Message + Default> Recorded for T {
    fn written(&self) -> Vec<u8> {
        self.encode_to_vec()
    }

    fn read(encoded: Vec<u8>) -> Result<Self, DecodeError> {
        Self::decode(encoded.as_slice())
    }
}

/// An answer that stays encoded: for batches whose calls have answers of several types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded(Vec<u8>);

impl Encoded {
    /// Encodes an answer.
    pub fn of(answer: &impl Message) -> Self {
        Self(answer.encode_to_vec())
    }

    /// The answer. It must be of the type that was encoded.
    pub fn decode<T: Message + Default>(&self) -> Result<T, DecodeError> {
        T::decode(self.0.as_slice())
    }
}

impl Recorded for Encoded {
    fn written(&self) -> Vec<u8> {
        self.0.clone()
    }

    fn read(encoded: Vec<u8>) -> Result<Self, DecodeError> {
        Ok(Self(encoded))
    }
}
