//! Parts of records that are stored as their JSON text.
//!
//! What nests, or holds any JSON, is read by the JSON parser, which bounds recursion; a derived
//! decoder would recurse as deep as a hostile message says.

/// Gives a type with a form in JSON the binary form that is its JSON text.
macro_rules! stored_as_json {
    ($type:ty) => {
        impl $crate::codec::Encode for $type {
            fn encode<E: $crate::codec::Encoder>(
                &self,
                encoder: &mut E,
            ) -> Result<(), $crate::codec::EncodeError> {
                let text = serde_json::to_string(self);
                text.map_err(|error| $crate::codec::EncodeError::OtherString(error.to_string()))?
                    .encode(encoder)
            }
        }

        impl<C> $crate::codec::Decode<C> for $type {
            fn decode<D: $crate::codec::Decoder<Context = C>>(
                decoder: &mut D,
            ) -> Result<Self, $crate::codec::DecodeError> {
                let text = String::decode(decoder)?;
                serde_json::from_str(&text)
                    .map_err(|error| $crate::codec::DecodeError::OtherString(error.to_string()))
            }
        }

        impl<'de, C> $crate::codec::BorrowDecode<'de, C> for $type {
            fn borrow_decode<D: $crate::codec::BorrowDecoder<'de, Context = C>>(
                decoder: &mut D,
            ) -> Result<Self, $crate::codec::DecodeError> {
                <Self as $crate::codec::Decode<C>>::decode(decoder)
            }
        }
    };
}

pub(super) use stored_as_json;
